"""One function over many tasks, three ways."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.outer_loop import task_map


def function(task, index):
    x, missing = task
    assert missing is None
    return [tf.reduce_sum(x), None], {"double": 2 * x, "index": index, "nothing": None}


@pytest.mark.parametrize("chunk", [64, 3, 2])
@pytest.mark.parametrize("mode", ["eager", "loop", "vectorize"])
def test_sums_and_stacks_with_none_kept_in_place(mode, chunk, monkeypatch):
    monkeypatch.setattr(task_map, "CHUNK", chunk)
    x = tf.constant(np.arange(12.0).reshape(4, 3))

    def run():
        return task_map.map_tasks(function, (x, None), "loop" if mode == "eager" else mode)

    (total, none), stacked = run() if mode == "eager" else tf.function(run)()
    assert float(total) == 66 and none is None and stacked["nothing"] is None
    np.testing.assert_array_equal(stacked["double"], 2 * x)
    np.testing.assert_array_equal(stacked["index"], range(4))


@pytest.mark.parametrize("mode", ["loop", "vectorize"])
def test_an_unknown_number_of_tasks(mode):
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    def run(x):
        return task_map.map_tasks(function, (x, None), mode)

    for tasks in (1, 5, 64, 65, 130):
        _, stacked = run(tf.ones((tasks, 3), tf.float64))
        assert stacked["double"].shape == (tasks, 3)


def test_dense_models_are_vectorised_and_others_looped():
    layers = keras.layers
    assert task_map.choose(keras_meta.networks.SinusoidMLP()) == "vectorize"
    assert task_map.choose(keras_meta.networks.Conv4(5)) == "loop"
    recurrent = keras.Sequential([keras.Input((3, 2)), layers.LSTM(2)])
    assert task_map.choose(recurrent) == "loop"

    large = keras.Sequential([keras.Input((784,)), layers.Dense(256)])
    assert task_map.choose(large) == "loop"

    class Subclass(keras.Sequential):
        pass

    assert task_map.choose(Subclass([keras.Input((2,)), layers.Dense(1)])) == "loop"
