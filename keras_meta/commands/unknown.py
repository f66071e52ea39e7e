"""When a query belongs to none of the classes: a threshold that validation tasks teach.

A validation task has more classes than its support set shows; the queries of the others are
unknown. The score of a query is its greatest logit or its greatest probability, whichever tells
known queries from unknown ones better. It depends on ways and shots, and so does the threshold,
which is kept in the run folder.
"""

import json

import keras
import numpy as np

from keras_meta import metrics
from keras_meta.commands import class_prediction, data

_TASKS, _BATCH_SIZE = 200, 20


def refusal(folder, config, learner, ways, shots):
    """Learns when to refuse a query, unless the run folder says it already.

    Args:
        folder: `RunFolder`.
        config: dict, the options of the run.
        learner: The learner of the run.
        ways: int. Number of known classes.
        shots: int. Number of examples of each of them.

    Returns:
        dict with `"score"`, a name that `score` takes; `"threshold"`, up to which a query is
        refused; `"area_under_the_curve"`; and the `"ways"` and `"shots"` of the validation tasks,
        which are fewer than asked for if the data do not suffice.

    Raises:
        ValueError: If validation has too few classes.
    """
    file = folder.unknown_file
    known = json.loads(file.read_text()) if file.is_file() else {}
    key = f"{ways}-way {shots}-shot, {int(learner.optimizer.iterations)} iterations"
    if key not in known:
        known[key] = _learned(config, learner, ways, shots)
        folder.write_json(file, known)
    return known[key]


def score(name, logits):
    """Returns scores `[...]` of logits `[..., ways]`: their greatest, or greatest probability."""
    values = logits if name == "logit" else keras.ops.softmax(logits)
    return keras.ops.convert_to_numpy(values).max(-1)


def _learned(config, learner, ways, shots):
    distribution, queries = data.load(config), config["queries"]
    labels, counts = np.unique(distribution("validation").y, return_counts=True)
    shots = min(shots, int(counts.min()) - queries)
    if learner.variable_way:
        ways = min(ways, len(labels) - 1)
    if ways < 2 or len(labels) <= ways:
        raise ValueError(
            "--unknown learns from validation tasks with queries of a further class, and the run "
            f"has too few classes for them. Received: {len(labels)} validation classes, for tasks "
            f"of {ways} ways. Train on more classes, or leave --unknown out."
        )
    others = min(ways, len(labels) - ways)
    tasks = distribution("validation", num_shots=shots, num_ways=ways + others)
    batches = tasks.as_dataset(_BATCH_SIZE, num_batches=_TASKS // _BATCH_SIZE)
    logits = np.concatenate(
        [learner.predict_on_batch(_of_first(ways * shots, inputs)) for inputs, _ in batches]
    )
    logits = class_prediction.as_logits(learner, logits)
    known, unknown = np.split(logits, [ways * queries], axis=1)
    areas = {
        name: metrics.area_under_curve(score(name, known), score(name, unknown)).mean()
        for name in ("logit", "probability")
    }
    best = max(areas, key=areas.get)
    right = known.argmax(-1) == np.repeat(np.arange(ways), queries)
    return {
        "score": best,
        "threshold": metrics.refusal_threshold(score(best, known), right, score(best, unknown)),
        "area_under_the_curve": float(areas[best]),
        "ways": ways,
        "shots": shots,
    }


def _of_first(count, inputs):
    """Returns the inputs of tasks with the first `count` support examples alone."""
    support = {key: inputs[key][:, :count] for key in ("support_x", "support_y")}
    return {**support, "query_x": inputs["query_x"]}
