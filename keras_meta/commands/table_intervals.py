"""The intervals of a run on a table: calibrated after training, read to predict."""

import json

from keras_meta import metrics
from keras_meta.commands.table_data import note

# Groups that are enough to calibrate on.
_MOST_GROUPS = 1000


def calibrate(folder, config, validation):
    """Calibrates intervals on the validation groups, and keeps them in the run folder.

    The learner is saved again with the prior noise variance that was chosen.

    Args:
        folder: `RunFolder`.
        config: dict, the options of the run.
        validation: `GroupedEpisodes` of the validation groups.
    """
    # That of the folder: the one at hand has no weights if there was nothing left to train.
    learner = folder.read_learner()
    number = min(validation.num_groups, _MOST_GROUPS)
    try:
        intervals = metrics.calibrate(
            learner, validation.as_dataset(number, num_batches=1), config["coverage"]
        )
    except ValueError as error:
        note(f"Predictions will have no intervals. {error}")
        return
    folder.write_learner(learner)
    folder.write_json(folder.intervals_file, intervals.get_config())
    print(f"Intervals of {config['coverage']:.0%} are calibrated on {number:,} validation tasks.")


def read(folder):
    """Returns the `ConformalIntervals` of a run, or `None` if it has none.

    Raises:
        ValueError: If the file is damaged.
    """
    if not folder.intervals_file.is_file():
        return None
    try:
        return metrics.ConformalIntervals(**json.loads(folder.intervals_file.read_text()))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The intervals of the run cannot be read. Received: {folder.intervals_file}: {error} "
            "Remove the file to predict without intervals, or train again with another --out."
        ) from error
