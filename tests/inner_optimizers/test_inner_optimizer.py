"""The base class of inner optimizers, and how one is chosen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.inner_optimizers import SGD, Adam, InnerOptimizer, Learned, RMSprop
from tests.inner_optimizers import descents

HALVED = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.05])


class Recorder(InnerOptimizer):
    """Returns the step as the next weight, and the gradient as its slot."""

    def __init__(self, learning_rate=0.5, weight_decay=None, **kwargs):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, **kwargs)

    def init_weight(self, weight):
        return (tf.zeros_like(weight),)

    def update_weight(self, weight, gradient, slots, learning_rate):
        return weight + learning_rate, (gradient,)


def updated(inner, gradients, weights=descents.START):
    inner = descents.prepared(inner)
    weights = [tf.constant(w) for w in weights]
    return inner.update(weights, gradients, inner.init(weights), 0, inner.read())


GRADIENTS = [tf.constant([3.0, 0.0, 0.0]), tf.constant([[4.0]])]


def test_each_weight_is_updated_by_its_gradient_and_the_settings():
    weights, slots = updated(Recorder(), GRADIENTS)
    for weight, start in zip(weights, descents.START, strict=True):
        np.testing.assert_array_equal(weight, start + 0.5)
    for (slot,), gradient in zip(slots, GRADIENTS, strict=True):
        np.testing.assert_array_equal(slot, gradient)


def test_a_weight_without_a_gradient_stays():
    weights, slots = updated(Recorder(weight_decay=0.1), [None, GRADIENTS[1]])
    np.testing.assert_array_equal(weights[0], descents.START[0])
    np.testing.assert_array_equal(slots[0][0], np.zeros(3))
    np.testing.assert_allclose(weights[1], descents.START[1] * 0.95 + 0.5, rtol=1e-6)


def test_decay_comes_before_the_rule():
    weights, _ = updated(Recorder(weight_decay=0.1), GRADIENTS)
    for weight, start in zip(weights, descents.START, strict=True):
        np.testing.assert_allclose(weight, start * (1 - 0.5 * 0.1) + 0.5, rtol=1e-6)


@pytest.mark.parametrize(("norm", "factor"), [(2.5, 0.5), (5.0, 1.0), (7.0, 1.0)])
def test_gradients_are_clipped_by_their_joint_norm(norm, factor):
    _, slots = updated(Recorder(global_clipnorm=norm), GRADIENTS)  # of norm 5
    for (slot,), gradient in zip(slots, GRADIENTS, strict=True):
        np.testing.assert_allclose(slot, factor * gradient, rtol=1e-6)
    _, slots = updated(Recorder(global_clipnorm=norm), [None, GRADIENTS[1]])  # of norm 4
    np.testing.assert_allclose(slots[1][0], [[min(4.0, norm)]], rtol=1e-6)


def test_half_precision_gradients_are_clipped_without_overflow():
    weight = np.zeros(2, "float16")
    inner = descents.prepared(Recorder(global_clipnorm=1.0), [weight])
    gradient = tf.constant([3e4, 4e4], tf.float16)
    _, ((slot,),) = inner.update([tf.constant(weight)], [gradient], [()], 0, inner.read())
    assert slot.dtype == tf.float16
    np.testing.assert_allclose(slot, [0.6, 0.8], rtol=1e-2)


def test_clipping_has_a_derivative_at_zero():
    inner = descents.prepared(SGD(0.1, global_clipnorm=1.0), [np.array([1.0, 2.0], "float32")])
    weight = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(weight)
        (after,), _ = inner.update([weight], [0.0 * weight], inner.init([weight]), 0, inner.read())
    np.testing.assert_array_equal(tape.gradient(after, weight), [1.0, 1.0])


def test_gradients_get_the_dtype_of_their_weights():
    inner = descents.prepared(Recorder(), [np.zeros(2, "float64")])
    _, ((slot,),) = inner.update(
        [tf.zeros(2, tf.float64)], [tf.constant([1.0, 2.0])], [()], 0, inner.read()
    )
    assert slot.dtype == tf.float64


def test_the_rule_follows_a_schedule_as_in_keras():
    descents.assert_equals_keras(SGD(HALVED, 0.9), keras.optimizers.SGD(HALVED, 0.9))


def test_settings_are_assigned_unless_they_are_learned_or_follow_a_schedule():
    inner = descents.prepared(SGD(0.1, momentum=Learned(0.9)))
    inner.assign("learning_rate", 0.25)
    assert float(inner.learning_rate) == 0.25
    assert inner.get_config()["learning_rate"] == 0.25
    with pytest.raises(ValueError, match="`momentum` is learned. Assign to its variables"):
        inner.assign("momentum", 0.5)
    with pytest.raises(ValueError, match="Received: learning_rate=-1.0"):
        inner.assign("learning_rate", -1.0)
    with pytest.raises(ValueError, match="follows a schedule.*Received: learning_rate=0.2"):
        descents.prepared(SGD(HALVED)).assign("learning_rate", 0.2)


def test_variables_of_a_setting_are_attributes():
    inner = descents.prepared(SGD(Learned(0.1, "layer"), momentum=Learned(0.9, "parameter")))
    assert inner.learning_rate.shape == (2,)
    assert [v.shape for v in inner.momentum] == [w.shape for w in descents.START]
    assert len(inner.trainable_variables) == 3


def test_configuration():
    inner = SGD(Learned(0.1, "layer", True), momentum=HALVED, global_clipnorm=2.0, name="mine")
    descents.assert_configuration_survives(inner)
    config = inner.get_config()
    assert config["weight_decay"] is None and config["global_clipnorm"] == 2.0
    assert type(inner).from_config(config).name == "mine"


def test_it_belongs_to_one_learner():
    inner = descents.prepared(SGD(0.1, name="mine"))
    with pytest.raises(ValueError, match="belongs to one learner.*'mine', which is already in use"):
        descents.prepared(inner)


def test_a_subclass_must_define_the_rule():
    with pytest.raises(NotImplementedError, match="InnerOptimizer must define `update_weight"):
        updated(InnerOptimizer(learning_rate=0.1), GRADIENTS)


NAMES = {
    "sgd": (SGD, {"momentum": None}),
    "momentum": (SGD, {"momentum": 0.9, "nesterov": False}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (Adam, {"beta_1": 0.9}),
    "rmsprop": (RMSprop, {"rho": 0.9}),
}


@pytest.mark.parametrize("name", NAMES)
def test_optimizers_have_names(name):
    cls, expected = NAMES[name]
    inner = inner_optimizers.get(name, 0.25)
    assert type(inner) is cls
    assert {**expected, "learning_rate": 0.25}.items() <= inner.get_config().items()
    default = cls().get_config()["learning_rate"]
    assert inner_optimizers.get(name).get_config()["learning_rate"] == default


def test_an_optimizer_is_its_own_name():
    inner = SGD(0.1)
    assert inner_optimizers.get(inner) is inner


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: inner_optimizers.get("adagrad"), "must be one of ['sgd'"),
        (lambda: inner_optimizers.get(SGD(0.1), 0.2), "given twice"),
        (lambda: inner_optimizers.get("sgd", -1), "Received: inner_learning_rate=-1"),
        (lambda: SGD(-1.0), "Received: learning_rate=-1.0"),
        (lambda: SGD(float("inf")), "Received: learning_rate=inf"),
        (lambda: SGD(True), "Received: learning_rate=True"),
        (lambda: SGD(global_clipnorm=0.0), "Received: global_clipnorm=0.0"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert message in str(error.value)
