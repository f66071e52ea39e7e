"""What goes out of an exported `adapt` and into `predict`, for one task and for several."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from tests.learners.table import LEARNERS, batch, compiled
from tests.quick import quick_first

OF_ALL_LAYERS = ["conv_kernel", "head_bias", "head_kernel", "norm_beta", "norm_gamma"]
STATES = {
    "maml": OF_ALL_LAYERS,
    "anil": ["head_bias", "head_kernel"],
    "cavia": ["context_context"],
    "protomaml": ["bias", "conv_kernel", "kernel", "norm_beta", "norm_gamma"],  # takes the body
    "prototypes": ["bias", "kernel"],
    "cosine-prototypes": ["bias", "kernel"],
    "matching": ["features", "one_hot"],
    "in-context": ["bias", "keys_0", "values_0"],
    "generator of linear": ["bias", "kernel"],
    "generator of film": ["head_bias", "head_kernel", "norm_beta", "norm_gamma"],
}


def model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, 2, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head"),
        ]
    )


def exported(name, path, **kwargs):
    keras.utils.clear_session()  # Keras numbers unnamed layers through the process
    learner = compiled(name, model(), **kwargs)
    inputs, _ = batch(3, shots=2)
    predictions = learner(inputs).numpy()
    learner.export(path, verbose=False)
    return inputs, predictions, tf.saved_model.load(path).signatures


@pytest.mark.parametrize("name", quick_first(STATES, ["maml", "prototypes"]))
def test_a_state_is_what_is_the_task_s_own(name, tmp_path):
    inputs, predictions, endpoints = exported(name, tmp_path)
    support = {key: inputs[key] for key in ("support_x", "support_y")}
    states = endpoints["adapt_batch"](**support)
    assert sorted(states) == sorted(STATES[name])
    together = endpoints["predict_batch"](query_x=inputs["query_x"], **states)["predictions"]
    np.testing.assert_allclose(together, predictions, atol=1e-5)
    for task in range(3):
        state = endpoints["adapt"](**{key: x[task] for key, x in support.items()})
        assert sorted(state) == sorted(states)
        for key, value in state.items():
            np.testing.assert_allclose(states[key][task], value, atol=1e-6)
        alone = endpoints["predict"](query_x=inputs["query_x"][task], **state)["predictions"]
        np.testing.assert_allclose(alone, predictions[task], atol=1e-5)


def test_statistics_of_the_support_set_are_named(tmp_path):
    _, _, endpoints = exported("anil", tmp_path, batch_norm="support")
    names = ["head_bias", "head_kernel", "norm_moving_mean", "norm_moving_variance"]
    assert sorted(endpoints["adapt"].structured_outputs) == names


def test_layers_of_one_name_are_told_apart(tmp_path):
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="same")], name="a")
    outer = keras.Sequential([inner, keras.layers.Dense(3, name="same")], name="b")
    outer(np.zeros((1, 4)))
    learner = keras_meta.learners.MAML(outer, 0.1, inner_loss="mse")
    x = np.ones((2, 3, 4), "float32")
    learner({"support_x": x, "support_y": x[..., :3], "query_x": x})
    learner.export(tmp_path, verbose=False)
    assert len(tf.saved_model.load(tmp_path).signatures["adapt"].structured_outputs) == 4


def test_ways_may_differ_between_batches(tmp_path):
    learner = keras_meta.learners.PrototypicalNetwork(model())
    inputs, _ = batch(2)
    learner(inputs)
    learner.export(tmp_path, verbose=False)
    endpoints = tf.saved_model.load(tmp_path).signatures
    for ways in (2, 3):
        x, y = inputs["support_x"][:, :ways], np.tile(np.arange(ways, dtype="int32"), (2, 1))
        states = endpoints["adapt_batch"](support_x=x, support_y=tf.constant(y))
        assert states["kernel"].shape == (2, 3, ways)
        expected = learner({"support_x": x, "support_y": y, "query_x": inputs["query_x"]})
        found = endpoints["predict_batch"](query_x=inputs["query_x"], **states)["predictions"]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in STATES])
def test_batches_of_the_other_learners(name, tmp_path):
    inputs, predictions, endpoints = exported(name, tmp_path)
    states = endpoints["adapt_batch"](support_x=inputs["support_x"], support_y=inputs["support_y"])
    together = endpoints["predict_batch"](query_x=inputs["query_x"], **states)["predictions"]
    np.testing.assert_allclose(together, predictions, atol=1e-5)


def test_values_of_another_shape_are_refused_and_not_broadcast(tmp_path):
    waves = keras_meta.episodes.Sinusoid(num_shots=4, num_queries=3)
    learner = keras_meta.learners.RidgeLearner(
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(5, "tanh")]), num_values=1
    )
    learner.compile("sgd", "mse")
    ((inputs, _),) = waves.as_dataset(1, num_batches=1)
    learner(inputs)
    learner.export(tmp_path, verbose=False)
    endpoints = tf.saved_model.load(tmp_path).signatures
    x, y, query_x = (inputs[key][0] for key in ("support_x", "support_y", "query_x"))
    assert endpoints["adapt"](support_x=x, support_y=y)
    for name, queries in (("adapt", {}), ("adapt_and_predict", {"query_x": query_x})):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"support_y \[4\] is not compat"):
            endpoints[name](support_x=x, support_y=y[:, 0], **queries)
