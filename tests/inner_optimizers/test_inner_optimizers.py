"""Inner optimizers: against those of Keras, and what may be learned of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, inner_optimizers, learners, networks
from keras_meta.inner_optimizers import SGD, Adam, Learned, RMSprop

HALVED = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.05])

# The same rule twice. Adam's epsilon is under the root here, which differs by less than it.
PAIRS = {
    "sgd": (lambda: SGD(0.1), lambda: keras.optimizers.SGD(0.1)),
    "momentum": (lambda: SGD(0.1, 0.9), lambda: keras.optimizers.SGD(0.1, 0.9)),
    "nesterov": (lambda: SGD(0.1, 0.8, True), lambda: keras.optimizers.SGD(0.1, 0.8, True)),
    "adam": (lambda: Adam(0.1, 0.8, 0.9), lambda: keras.optimizers.Adam(0.1, 0.8, 0.9)),
    "rmsprop": (lambda: RMSprop(0.1, 0.8), lambda: keras.optimizers.RMSprop(0.1, 0.8)),
    "decay": (
        lambda: SGD(0.1, weight_decay=0.3),
        lambda: keras.optimizers.SGD(0.1, weight_decay=0.3),
    ),
    "schedule": (lambda: SGD(HALVED, 0.9), lambda: keras.optimizers.SGD(HALVED, 0.9)),
    "clipping": (
        lambda: SGD(0.1, global_clipnorm=0.5),
        lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.5),
    ),
}


def gradients(weights):
    return [tf.sin(3.0 * weights[0]) + weights[0], 2.0 * weights[1]]


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_optimizer_of_keras(name):
    start = [np.array([1.0, -2.0, 0.5], "float32"), np.array([[0.3]], "float32")]
    inner, outer = (make() for make in PAIRS[name])
    variables = [keras.Variable(x) for x in start]
    inner.prepare(variables, [0, 1], 4)
    weights = [tf.constant(x) for x in start]
    slots = inner.init(weights)
    for step in range(4):
        weights, slots = inner.update(weights, gradients(weights), slots, step, inner.read())
        outer.apply(gradients([v.value for v in variables]), variables)
    for a, b in zip(weights, variables, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_clipping_has_a_derivative_at_zero():
    inner = SGD(0.1, global_clipnorm=1.0)
    weight = tf.constant([1.0, 2.0])
    inner.prepare([keras.Variable(weight)], [0], 1)
    with tf.GradientTape() as tape:
        tape.watch(weight)
        (after,), _ = inner.update([weight], [0.0 * weight], inner.init([weight]), 0, inner.read())
    np.testing.assert_array_equal(tape.gradient(after, weight), [1.0, 1.0])


@pytest.mark.parametrize(
    ("per", "shapes"),
    [("all", [()]), ("layer", [(2,)]), ("weight", [(3,)]), ("parameter", [(2, 3), (3,), (3, 1)])],
)
@pytest.mark.parametrize("per_step", [False, True])
def test_learned_settings_have_the_shape_they_ask_for(per, shapes, per_step):
    inner = SGD(Learned(0.5, per, per_step))
    variables = [keras.Variable(np.zeros(shape)) for shape in ((2, 3), (3,), (3, 1))]
    inner.prepare(variables, [0, 0, 1], 4)
    expected = [(4, *shape) if per_step else shape for shape in shapes]
    assert [tuple(v.shape) for v in inner.trainable_variables] == expected
    assert float(tf.reduce_mean(inner.read()["learning_rate"](2, 9, "float32"))) == 0.5


def test_steps_beyond_the_table_use_its_last_row():
    inner = SGD(Learned(0.5, per_step=True))
    weight = keras.Variable(np.zeros(2))
    inner.prepare([weight], [0], 3)
    inner.learning_rate.assign([0.2, 0.4, 0.6])
    rates = [float(inner.read()["learning_rate"](0, step, "float32")) for step in range(5)]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.3, 0.3], atol=1e-7)


@pytest.mark.parametrize("checkpoint_steps", [False, True])
def test_a_learner_follows_a_schedule_of_inner_steps(checkpoint_steps, tmp_path):
    def learner(rate, steps):
        learner = learners.MAML(
            networks.SinusoidMLP(), rate, steps, checkpoint_steps=checkpoint_steps
        )
        learner.compile(loss="mse")
        return learner

    inputs, _ = episodes.Sinusoid(num_shots=5, num_queries=5).sample(0, 2)
    scheduled, first = learner(HALVED, 3), learner(0.1, 1)
    scheduled.save(tmp_path / "scheduled.keras")
    loaded = keras.saving.load_model(tmp_path / "scheduled.keras")
    x, y = inputs["support_x"][0], inputs["support_y"][0]
    rest = learner(0.05, 2)
    rest.model.set_weights(first.adapt(x, y).get_weights())
    expected = rest.adapt(x, y).predict(inputs["query_x"][0], verbose=0)
    for made in (scheduled, loaded):
        found = made.adapt(x, y).predict(inputs["query_x"][0], verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match="follows a schedule"):
        scheduled.inner_learning_rate = 0.2


def test_configuration_round_trip():
    for make in [pair[0] for pair in PAIRS.values()]:
        inner = make()
        copy = type(inner).from_config(inner.get_config())
        assert copy.get_config() == inner.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: inner_optimizers.get("adagrad"), "must be one of ['sgd'"),
        (lambda: inner_optimizers.get(SGD(0.1), 0.2), "given twice"),
        (lambda: SGD(nesterov=True), "needs a momentum"),
        (lambda: SGD(-1.0), "Received: learning_rate=-1.0"),
        (lambda: Adam(beta_1="high"), "Received: beta_1='high'"),
        (lambda: SGD(global_clipnorm=0.0), "Received: global_clipnorm=0.0"),
        (lambda: Learned("fast"), "must be a number"),
        (lambda: Learned(0.1, per="neuron"), "Received: per='neuron'"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert message in str(error.value)


def test_an_inner_optimizer_has_one_learner():
    inner = SGD(0.1)
    weight = keras.Variable(np.zeros(2))
    inner.prepare([weight], [0], 1)
    with pytest.raises(ValueError, match="belongs to one learner"):
        inner.prepare([weight], [0], 1)
