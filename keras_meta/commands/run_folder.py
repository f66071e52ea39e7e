"""The folder of a training run: its options, its progress and its result.

config.json     the options of `train`, enough to rebuild data and learner
learner.keras   the learner with its optimizer, after the last full epoch: the result; of a table,
                and of languages, after the epoch with the smallest loss on the validation tasks
pooled.keras    the model of all languages that the learner began with, of a run on languages
checkpoints     the state of the run, from which it resumes
history.csv     losses and metrics, one row per epoch
intervals.json  how wide intervals are, of a run on a table
unknown.json    when `predict --unknown` refuses a query
evaluation.json the results of `evaluate`, and of `train` on an environment; with pictures
"""

import csv
import json
import zipfile
from pathlib import Path

from keras_meta.commands import folders

# Options that all commands read, of a run on episodes and of one on an environment.
_ESSENTIAL = {"data", "learner", "ways", "shots", "queries", "seed"}
_ESSENTIAL_OF_POLICIES = {"environment", "episodes", "horizon", "seed"}


class RunFolder:
    """Reads and writes the files of a run.

    Args:
        path: Path of the folder.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.learner_file = self.path / "learner.keras"
        self.pooled_file = self.path / "pooled.keras"
        self.intervals_file = self.path / "intervals.json"
        self.history_file = self.path / "history.csv"
        self.checkpoint_folder = self.path / "checkpoints"
        self.unknown_file = self.path / "unknown.json"
        self.evaluation_file = self.path / "evaluation.json"

    def write_json(self, path, value):
        """Writes `value` to one of the files."""
        folders.make(self.path, "The run folder")
        with _replaced_when_complete(path) as temporary:
            temporary.write_text(json.dumps(value, indent=2) + "\n")

    def read_config(self):
        """Returns the options of the run.

        Raises:
            ValueError: If there is no run, or its configuration is damaged.
        """
        if not self.config_file.is_file():
            kind = "a folder without config.json" if self.path.is_dir() else "no such folder"
            raise ValueError(
                f"RUN must be a folder made by `keras-meta train`. Received: {self.path} ({kind})."
            )
        try:
            config = json.loads(self.config_file.read_text())
            of_policies = isinstance(config, dict) and "environment" in config
            essential = _ESSENTIAL_OF_POLICIES if of_policies else _ESSENTIAL
            if not isinstance(config, dict) or not essential <= set(config):
                raise ValueError(f"it does not hold an object with {sorted(essential)}")
        except ValueError as error:
            raise ValueError(
                f"The configuration of the run cannot be read. Received: {self.config_file}: "
                f"{error}. Restore the file, or train again with another --out."
            ) from error
        return config

    def read_learner(self):
        """Returns the learner as it was after the last full epoch.

        Raises:
            ValueError: If it is missing or damaged.
        """
        from keras_meta.commands import model_files

        if not self.learner_file.is_file():
            raise ValueError(
                "The run has no learner yet: it was stopped before the end of its first epoch (of "
                "languages, the first after --pooled-iterations). "
                f"Received: {self.path} without learner.keras. Start the same `keras-meta train` "
                "again."
            )
        try:
            learner = model_files.load(self.learner_file)
            if getattr(learner, "episode_spec", ()) is None:
                # Keras does not apply the build configuration if the constructor built the model.
                with zipfile.ZipFile(self.learner_file) as archive:
                    saved = json.loads(archive.read("config.json"))
                learner.build_from_config(saved["build_config"])
            return learner
        # A damaged file can fail in any layer below: the archive, its JSON or its HDF5.
        except Exception as error:
            raise ValueError(
                f"The learner cannot be read. Received: {self.learner_file}: {_first_line(error)} "
                "Restore the file, or remove it and train again if it is damaged. If your model "
                "has classes of your own, register them with "
                "`keras.saving.register_keras_serializable`."
            ) from error

    def write_learner(self, learner):
        """Saves the learner with the state of its optimizer."""
        with _replaced_when_complete(self.learner_file) as temporary:
            learner.save(temporary)

    def write_pooled_model(self, model):
        """Saves the model of all languages."""
        with _replaced_when_complete(self.pooled_file) as temporary:
            model.save(temporary)

    def read_history(self, iterations):
        """Returns the rows of the history up to a number of iterations."""
        if not self.history_file.is_file():
            return []
        with self.history_file.open(newline="") as file:
            return [row for row in csv.DictReader(file) if int(row["iterations"]) <= iterations]

    def write_history(self, rows):
        """Writes all rows of the history."""
        with _replaced_when_complete(self.history_file) as temporary:
            with temporary.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def _replaced_when_complete(path):
    # Imported here because its package imports TensorFlow, which reading a configuration need not
    # wait for.
    from keras_meta.callbacks.checkpoint_file import replaced_when_complete

    return replaced_when_complete(path)


def _first_line(error):
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
