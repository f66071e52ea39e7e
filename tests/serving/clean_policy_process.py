"""Checks an exported policy in a process that knows neither Keras nor this library.

    python -I tests/serving/clean_policy_process.py FOLDER EPISODES.npz

The file has episodes of one task, and what the learner itself makes of them: outputs and most
likely actions before and after one inner step.
"""

import sys

import numpy as np

for banned in ("keras", "keras_meta", "tf_keras"):
    sys.modules[banned] = None

import tensorflow as tf  # noqa: E402

NAMES = ("observations", "actions", "rewards", "mask", "terminated", "last_observations")


def check(folder, data):
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
    check(*sys.argv[1:])
