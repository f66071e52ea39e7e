"""Inner losses, and the gradients that half precision must hold."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.inner_loop import losses
from keras_meta.outer_loop.episode import Episode
from tests.quick import slow

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def learner(policy, factor, **kwargs):
    """The loss has this factor and the inner rate its inverse: the adapted weights are the same."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [keras.Input((8,)), layers.Dense(16, "relu"), layers.LayerNormalization()]
            + [layers.Dense(3)]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    inner_loss = losses.FunctionLoss(lambda y, p: factor * LOSS(y, p))
    made = keras_meta.learners.MAML(model, 0.1 / factor, 3, inner_loss=inner_loss, **kwargs)
    made.compile("sgd", LOSS)
    return made


def task():
    x = np.random.default_rng(0).normal(size=(1, 30, 8)).astype("float32")
    y = (np.arange(30) % 3)[None]
    return {"support_x": x, "support_y": y, "query_x": x[:, ::-1]}, y[:, ::-1]


@pytest.mark.parametrize(
    "factor, task_map", [(1e-12, "loop"), slow(1e-6, "vectorize"), slow(1e6, "loop")]
)
def test_float16_adapts_as_float32_does_however_small_or_large_the_loss(factor, task_map):
    inputs, y = keras.tree.map_structure(tf.convert_to_tensor, task())
    made = [learner(policy, factor, task_map=task_map) for policy in ("float32", "mixed_float16")]
    full, half = (
        np.concatenate(
            [
                np.ravel(adapted - initial)
                for adapted, initial in zip(
                    x.adapt_task(inputs["support_x"][0], inputs["support_y"][0])["weights"],
                    x.functional.initial_weights(),
                    strict=True,
                )
            ]
        )
        for x in made
    )
    assert np.linalg.norm(half - full) < 0.01 * np.linalg.norm(full)
    # And through the inner steps, the outer gradient.
    full, half = (
        np.concatenate([np.ravel(g) for g in tf.function(x.meta_gradients)(Episode(inputs, y))[0]])
        for x in made
    )
    half = half / made[1].optimizer.scale_loss(1.0)
    assert np.linalg.norm(half - full) < 0.02 * np.linalg.norm(full)


def test_the_scale_is_the_power_of_two_that_the_largest_derivative_lacks():
    predictions = tf.constant([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]], "float16")
    labels = tf.constant([0, 2])
    scale = float(losses.gradient_scale(LOSS, labels, predictions))
    largest = (1 - 1 / (np.exp(3) + 2)) / 2  # of the second example, which is wrong
    assert np.log2(scale) % 1 == 0 and 1 <= scale * largest < 2
    for value in (0.0, np.inf, np.nan):
        factor = losses.FunctionLoss(lambda y, p, value=value: value * LOSS(y, p))
        assert float(losses.gradient_scale(factor, labels, predictions)) == 1.0
    for dtype in ("float32", "bfloat16"):
        assert losses.gradient_scale(LOSS, labels, tf.cast(predictions, dtype)) is None


def test_several_outputs_have_one_inner_loss_of_nested_targets(float64):
    """One step on the sum of two squared errors, by hand."""
    features = keras.Input((2,))
    outputs = {name: keras.layers.Dense(1, name=name)(features) for name in ("a", "b")}
    model = keras.Model(features, outputs)

    def both(y_true, y_pred):
        errors = [tf.square(y_true[name] - y_pred[name]) for name in ("a", "b")]
        return tf.squeeze(tf.add_n(errors), -1)

    learner = keras_meta.learners.MAML(model, 0.1, 1, inner_loss=both)
    learner.compile("sgd", {"a": "mse", "b": "mse"}, run_eagerly=True)
    x = tf.random.stateless_normal([1, 4, 2], [0, 0], dtype="float64")
    y = {name: x[..., i : i + 1] for i, name in enumerate(("a", "b"))}
    inputs = {"support_x": x, "support_y": y, "query_x": x}
    expected = {}
    for name in ("a", "b"):
        kernel, bias = (tf.constant(v.value) for v in model.get_layer(name).trainable_variables)
        error = 2.0 / 4.0 * (x[0] @ kernel + bias - y[name][0])
        after = kernel - 0.1 * tf.transpose(x[0]) @ error, bias - 0.1 * tf.reduce_sum(error, 0)
        expected[name] = x[0] @ after[0] + after[1]
    predictions = learner.predict(inputs, verbose=0)
    for name in ("a", "b"):
        np.testing.assert_allclose(predictions[name][0], expected[name], rtol=1e-10)
    assert np.isfinite(learner.evaluate(inputs, y, verbose=0)).all()
