"""Checks SavedModels in a process that knows neither Keras nor this library.

    python -I tests/serving/clean_process.py

reads lines `["learner", "table" or "policy", "FOLDER", "EPISODES.npz"]` of JSON, and answers each
with `null`, or with what went wrong. The file has episodes of one task or of a batch, and for a
policy what the learner itself makes of them: outputs and most likely actions before and after one
inner step. Predictions of a learner are written to it, those of a table with their intervals.
"""

import json
import sys
import traceback

import numpy as np

for banned in ("keras", "keras_meta", "tf_keras"):
    sys.modules[banned] = None

import tensorflow as tf  # noqa: E402

NAMES = ("observations", "actions", "rewards", "mask", "terminated", "last_observations")


def check_learner(folder, data):
    """Endpoints that take one task agree with that of a batch."""
    episode = dict(np.load(data))
    ends = tf.saved_model.load(folder).signatures
    s, y, q = (tf.constant(episode[k]) for k in ("support_x", "support_y", "query_x"))
    serve = ends["serve"](support_x=s, support_y=y, query_x=q)["predictions"]
    both = ends["adapt_and_predict"](support_x=s[0], support_y=y[0], query_x=q[0])["predictions"]
    state = ends["adapt"](support_x=s[0], support_y=y[0])
    two_steps = ends["predict"](query_x=q[0], **state)["predictions"]
    few = ends["adapt_and_predict"](support_x=s[0, :2], support_y=y[0, :2], query_x=q[0, :1])
    assert few["predictions"].shape == (1, 3)
    assert y.dtype == tf.int32
    np.testing.assert_allclose(both, serve[0], atol=1e-5)
    np.testing.assert_allclose(two_steps, serve[0], atol=1e-5)
    np.savez(data, predictions=serve)


def check_table(folder, data):
    """Both endpoints that see a whole task agree, and state intervals."""
    task = {name: tf.constant(x) for name, x in np.load(data).items()}
    ends = tf.saved_model.load(folder).signatures
    found = ends["adapt_and_predict"](**task)
    batch = ends["serve"](**{name: x[None] for name, x in task.items()})
    for name, values in found.items():
        np.testing.assert_allclose(batch[name][0], values, rtol=1e-5)
    np.savez(data, **found)


def check_policy(folder, data):
    expected = dict(np.load(data))
    ends = tf.saved_model.load(folder).signatures
    weights = ends["initial"]()
    episodes = {name: tf.constant(expected[name]) for name in NAMES}
    seen = tf.constant(expected["seen"])
    for stage in ("before", "after"):
        found = ends["act"](observations=seen, **weights)
        np.testing.assert_allclose(found["outputs"], expected[f"{stage}_outputs"], atol=1e-5)
        np.testing.assert_allclose(found["actions"], expected[f"{stage}_actions"], atol=1e-5)
        weights = ends["adapt"](**episodes, **weights)
    assert np.abs(expected["after_outputs"] - expected["before_outputs"]).max() > 1e-3
    # Any number of episodes and observations.
    fewer = {name: x[:2] for name, x in episodes.items()}
    assert set(ends["adapt"](**fewer, **weights)) == set(weights)
    assert len(ends["act"](observations=seen[:1], **weights)["outputs"]) == 1


if __name__ == "__main__":
    checks = {"learner": check_learner, "table": check_table, "policy": check_policy}
    for line in sys.stdin:
        try:
            kind, *files = json.loads(line)
            checks[kind](*files)
            error = None
        except Exception:
            error = traceback.format_exc()
        print(json.dumps(error), flush=True)
