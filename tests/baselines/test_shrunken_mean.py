"""Means of the support set."""

import numpy as np
import tensorflow as tf

from keras_meta import baselines


def test_the_mean_is_drawn_towards_that_of_all_tasks():
    inputs = {"support_y": tf.constant([[2.0], [4.0]]), "query_x": {"a": tf.zeros(3)}}
    method = baselines.ShrunkenMean(mean=1.0, prior_rows=(0.0, 2.0, np.inf))
    found = method.predictions(inputs, None).numpy()
    assert found[:, :, 0].tolist() == [[3.0] * 3, [2.0] * 3, [1.0] * 3]
    assert method.settings == ["0 prior examples", "2 prior examples", "a task's examples unused"]
