"""Every learner that adapts by gradient: its meta-gradient, and what sets it apart."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import learners
from keras_meta.inner_optimizers import SGD, Adam, Learned, RMSprop
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.quick import quick_first


def episodes(tasks=3, examples=6):
    generator = np.random.default_rng(0)
    labels = tf.constant(np.tile(np.arange(examples) % 3, (tasks, 1)))
    x = [tf.constant(generator.normal(size=(tasks, examples, 4, 4, 1))) for _ in range(2)]
    return {"support_x": x[0], "support_y": labels, "query_x": x[1]}, labels


def model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(3, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            keras_meta.layers.ContextFiLM(4),
            keras_meta.layers.Context(3),
            layers.Dense(3),
        ]
    )


def compiled(make):
    keras.utils.set_random_seed(0)
    learner = make(model())
    learner.compile(
        keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return learner


def squared_distance(y_true, y_pred):
    """From the row of the class, in place of a cross-entropy."""
    rows = tf.one_hot(tf.cast(y_true, tf.int32), 3, dtype=y_pred.dtype)
    return tf.reduce_sum(tf.square(rows - y_pred), -1)


# The rules that divide by the size of a gradient do so smoothly enough for central differences.
LEARNERS = {
    "multi-step loss": lambda m: learners.MAMLPlusPlus(m, 0.1, 2, multi_step_loss_steps=10),
    "support statistics": lambda m: learners.MAMLPlusPlus(
        m, 0.1, 3, multi_step_loss_steps=0, batch_norm="support"
    ),
    "meta-sgd": lambda m: learners.MetaSGD(m, 0.1, 2),
    "meta-curvature": lambda m: learners.MetaCurvature(m, 0.1, 2),
    "cavia": lambda m: learners.CAVIA(m, 1.0, 3),
    "nesterov": lambda m: learners.MAML(
        m,
        inner_steps=3,
        inner_optimizer=SGD(
            Learned(0.1, "layer", True), Learned(0.5), True, weight_decay=0.1, global_clipnorm=0.3
        ),
    ),
    "adam": lambda m: learners.MAML(
        m,
        inner_steps=2,
        inner_optimizer=Adam(Learned(0.05, "weight"), Learned(0.8), Learned(0.95), epsilon=0.01),
    ),
    "rmsprop": lambda m: learners.MAML(
        m,
        inner_steps=3,
        inner_optimizer=RMSprop(Learned(0.05), Learned(0.8), epsilon=1e-4),
        checkpoint_steps=True,
    ),
    "scales": lambda m: learners.MAML(m, 0.5, 2, adapted_weights="scales"),
    "another inner loss": lambda m: learners.MAML(m, 0.5, 2, inner_loss=squared_distance),
}


# One of each mechanism: momentum, checkpoints and statistics have tests of their own as well.
QUICK = ("multi-step loss", "meta-sgd", "meta-curvature", "cavia", "adam", "scales")


@pytest.mark.parametrize("name", quick_first(LEARNERS, QUICK))
def test_meta_gradient_equals_central_differences(name, float64):
    learner = compiled(LEARNERS[name])
    batch = episodes()
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(Episode(*batch))
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1][0]), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


def test_reptile_by_its_definition(float64):
    learner = compiled(lambda m: learners.Reptile(m, 0.1, 3, adapted_weights="head"))
    inputs, y = episodes()
    gradients, _ = tf.function(learner.meta_gradients)(Episode(inputs, y))
    moved = [
        learner.adapt_task(inputs["support_x"][task], inputs["support_y"][task], True)["weights"]
        for task in range(3)
    ]
    variables = learner.functional.trainable_variables
    for position, index in enumerate(learner.inner_weights.adapted):
        expected = variables[index] - tf.add_n([weights[position] for weights in moved]) / 3.0
        np.testing.assert_allclose(gradients[index], expected, atol=1e-12)
    assert all(gradients[i] is None for i in range(len(variables) - 2))


def test_reptile_keeps_the_slots_of_the_inner_optimizer():
    learner = compiled(lambda m: learners.Reptile(m, 0.01, 3, inner_optimizer="adam"))
    for _ in range(2):
        learner.train_step(episodes())
    steps = [float(v) for v in learner.slots if v.shape == ()]
    assert set(steps) == {6.0}


def test_reptile_shuffles_otherwise_in_each_task_and_outer_step():
    learner = compiled(lambda m: learners.Reptile(m, 0.1, 1, inner_batch_size=2))
    inputs, y = episodes()
    same = {key: tf.repeat(x[:1], 3, axis=0) for key, x in inputs.items()}
    tasks = Episode(same, tf.repeat(y[:1], 3, axis=0))
    losses = []
    for step in range(2):
        learner.optimizer.iterations.assign(step)
        losses += learner.meta_gradients(tasks)[1].loss.numpy().tolist()
    # Of the 15 batches of 2 out of 6, these tasks would have the same if they shared a shuffle.
    assert len(np.unique(np.round(losses, 6))) >= 4
    learner.optimizer.iterations.assign(0)
    again = learner.meta_gradients(tasks)[1].loss
    np.testing.assert_array_equal(again, np.float32(losses[:3]))


def test_implicit_gradient_equals_the_unrolled_one_at_a_minimum(float64):
    """Of the proximal problem, solved by many steps."""
    options = {"adapted_weights": "head", "regularization": 2.0, "cg_steps": 40}
    implicit = compiled(lambda m: learners.ImplicitMAML(m, 0.3, 40, **options))

    class Unrolled(learners.ImplicitMAML):
        adapt_task = learners.MAML.adapt_task

    unrolled = compiled(lambda m: Unrolled(m, 0.3, 40, **options))
    batch = episodes(tasks=1)
    expected, _ = unrolled.meta_gradients(Episode(*batch))
    actual, _ = implicit.meta_gradients(Episode(*batch))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, 0.0 if b is None else b, rtol=0, atol=1e-7)


def test_cavia_never_moves_where_contexts_start():
    learner = compiled(lambda m: learners.CAVIA(m, 1.0, 2))
    for _ in range(3):
        learner.train_step(episodes())
    contexts = [v for v in learner.model.trainable_variables if v.name == "context"]
    assert len(contexts) == 2 and all(not np.any(v.numpy()) for v in contexts)
    inputs, _ = episodes()
    state = learner.adapt_task(inputs["support_x"][0], inputs["support_y"][0])
    assert [tuple(w.shape) for w in state["weights"]] == [(4,), (3,)]
    assert all(np.any(w) for w in state["weights"])


def test_inner_and_outer_loss_may_differ(float64):
    """One inner step by hand on the one; the reported loss is the other."""
    keras.utils.set_random_seed(0)
    m = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    learner = learners.MAML(m, 0.1, 1, inner_loss=squared_distance)
    outer = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile("sgd", outer)
    inputs, y = episodes(tasks=2)
    kernel, bias = (tf.constant(v.value) for v in m.trainable_variables)
    losses = []
    for task in range(2):
        x = tf.reshape(inputs["support_x"][task], [6, 16])
        error = (2.0 / 6.0) * (x @ kernel + bias - tf.one_hot(y[task], 3, dtype=tf.float64))
        after = kernel - 0.1 * tf.transpose(x) @ error, bias - 0.1 * tf.reduce_sum(error, 0)
        query = tf.reshape(inputs["query_x"][task], [6, 16])
        losses.append(outer(y[task], query @ after[0] + after[1]))
    np.testing.assert_allclose(learner.evaluate(inputs, y, verbose=0), np.mean(losses), rtol=1e-7)


def test_frozen_layers_are_left_out_of_the_meta_gradient():
    """Of what comes before all that is learned, no derivative is even traced."""
    traced = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            @tf.custom_gradient
            def spied(x):
                return tf.identity(x), lambda upstream: traced.append(1) or upstream

            return spied(x)

    def gradients_with(body_is_learned):
        traced.clear()
        body = keras.layers.Dense(5)
        m = keras.Sequential([keras.Input((4,)), body, Spy(), keras.layers.Dense(3)])
        body.trainable = body_is_learned
        learner = learners.ANIL(m, 0.1, 2)
        learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        x = tf.random.stateless_normal([2, 6, 4], [0, 0])
        y = tf.tile(tf.range(6)[None] % 3, [2, 1])
        batch = {"support_x": x, "support_y": y, "query_x": x}, y
        return tf.function(learner.meta_gradients, autograph=False)(Episode(*batch))[0]

    assert len(gradients_with(body_is_learned=True)) == 4 and traced
    assert len(gradients_with(body_is_learned=False)) == 2 and not traced


# Each part of MAML++ acts.


def test_multi_step_loss_is_annealed():
    learner = compiled(lambda m: learners.MAMLPlusPlus(m, 0.1, 4, multi_step_loss_steps=10))
    rows = []
    for step in (0, 5, 10):
        learner.optimizer.iterations.assign(step)
        rows.append([float(v) for v in learner._loss_weights(4, tf.float32)])
    np.testing.assert_allclose(rows[0], [0.25] * 4)
    np.testing.assert_allclose(rows[1], [0.125] * 3 + [0.625])
    np.testing.assert_allclose(rows[2], [0.0] * 3 + [1.0])


@pytest.mark.slow
def test_phases_are_counted_in_outer_steps(float64):
    """First-order until step 2, multi-step loss until step 4, then MAML."""
    learner = compiled(
        lambda m: learners.MAMLPlusPlus(
            m,
            0.1,
            3,
            multi_step_loss_steps=4,
            first_order_steps=2,
            learned_rates=False,
            per_step_scales=False,
            batch_norm="transductive",
        )
    )
    batch = episodes()
    by_step = []
    for step in (1, 3, 4):
        learner.optimizer.iterations.assign(step)
        by_step.append(tf.function(learner.meta_gradients)(Episode(*batch))[0])
    plain = compiled(lambda m: learners.MAML(m, 0.1, 3))
    expected = tf.function(plain.meta_gradients)(Episode(*batch))[0]
    names = [v.path for v in learner.trainable_variables]
    distances = [
        max(float(tf.reduce_max(tf.abs(a - b))) for a, b in zip(g, expected, strict=True))
        for g in by_step
    ]
    assert len(names) == len(expected)
    assert distances[2] < 1e-10 < 1e-4 < min(distances[:2])


@pytest.fixture(scope="module")
def fitted():
    """Three outer steps of MAML++, whose parts have been learned, and its rates before."""
    learner = compiled(lambda m: learners.MAMLPlusPlus(m, 0.1, 2))
    rates = learner.inner_optimizer.learning_rate.numpy()
    for _ in range(3):
        learner.train_step(episodes())
    return learner, rates


def test_steps_beyond_those_of_training_use_what_the_last_one_has(fitted):
    """Rates, scales and statistics: as in a learner of more steps that has them in full."""
    short, _ = fitted
    long = compiled(lambda m: learners.MAMLPlusPlus(m, 0.1, 4))
    for source, target in zip(short.variables, long.variables, strict=True):
        value = source.numpy()
        if value.shape != tuple(target.shape):
            missing = target.shape[0] - value.shape[0]
            value = np.concatenate([value, np.repeat(value[-1:], missing, axis=0)])
        target.assign(value)
    inputs, _ = episodes()
    expected = long(inputs)
    short.eval_inner_steps = 4
    found = short(inputs)
    short.eval_inner_steps = 2
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(short(inputs) - expected).max() > 1e-3


def test_rates_are_learned_per_layer_and_step(fitted):
    learner, before = fitted
    rates = learner.inner_optimizer.learning_rate.numpy()
    assert rates.shape[0] == 2 and len(np.unique(rates)) == rates.size
    assert np.abs(rates - before).min() > 0


def test_statistics_of_each_step_normalise(fitted):
    learner, _ = fitted
    inputs, _ = episodes()
    mean, _ = learner.statistics.tables.values()
    assert mean.shape[0] == 3 and np.abs(np.diff(mean.numpy(), axis=0)).min() > 0
    original = mean.numpy()
    for steps in range(3):
        learner.eval_inner_steps = steps
        before = learner(inputs)
        acts = []
        for row in range(3):
            mean.assign(original + np.eye(3, dtype="float32")[:, [row]])
            acts.append(np.abs(learner(inputs) - before).max() > 1e-4)
        mean.assign(original)
        assert acts == [row == steps for row in range(3)]
    # Each query on its own.
    one = {**inputs, "query_x": inputs["query_x"][:, :1]}
    np.testing.assert_allclose(learner(one), before[:, :1], atol=1e-5)


def test_scales_of_each_step_act_and_are_learned(fitted):
    learner, _ = fitted
    gamma, beta = learner.scales
    assert gamma.shape == (3, 3)
    assert len(np.unique(beta.numpy())) == 9
    assert not {id(v) for v in learner.model.layers[1].trainable_variables} & {
        id(v) for v in learner.trainable_variables
    }


# What adapts.


def test_lora_weights_alone_adapt():
    layers = keras.layers
    body = layers.Dense(8, "tanh")
    m = keras.Sequential([keras.Input((4,)), body, layers.Dense(3)])
    body.enable_lora(2)
    learner = learners.MAML(m, 0.5, 2, adapted_weights="lora")
    names = [learner.functional.trainable_variables[i].name for i in learner.inner_weights.adapted]
    assert names == ["lora_kernel_a", "lora_kernel_b"]
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.random.default_rng(0).normal(size=(6, 4)).astype("float32"), np.arange(6) % 3
    adapted = learner.adapt(x, y)
    assert np.abs(adapted.predict(x, verbose=0) - m.predict(x, verbose=0)).max() > 1e-5


@pytest.mark.slow
def test_curve_by_step_ends_at_what_evaluate_returns():
    learner = learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01, 3)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    curve = keras_meta.metrics.adaptation_curve(learner, waves, "mse")
    assert curve.values.shape == (50, 4)
    np.testing.assert_allclose(curve.mean[3], learner.evaluate(waves, verbose=0), rtol=1e-4)


@pytest.mark.parametrize("run_eagerly", quick_first([False, True], [False]))
def test_divergence_is_reported_with_task_and_step(run_eagerly):
    learner = learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01, 4)
    learner.compile("sgd", "mse", run_eagerly=run_eagerly)
    waves = keras_meta.episodes.Sinusoid(num_shots=5)
    ((inputs, y),) = waves.as_dataset(4, num_batches=1)
    factor = np.ones((4, 1, 1), "float32")
    factor[2] = 1e5
    inputs = {**inputs, "support_x": inputs["support_x"] * factor}
    data = tf.data.Dataset.from_tensors((inputs, y)).repeat()
    with pytest.warns(RuntimeWarning, match=r"task 2 of the batch.* diverges at inner step \d"):
        learner.fit(
            data,
            steps_per_epoch=2,
            epochs=3,
            verbose=0,
            callbacks=[keras.callbacks.TerminateOnNaN()],
        )
    assert learner.stop_training


@pytest.mark.slow
def test_compare_is_paired():
    made = []
    for steps in (0, 5):
        made.append(learners.MAML(keras_meta.networks.SinusoidMLP(), 0.003, steps))
        made[-1].compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(100, num_batches=10)
    result = keras_meta.metrics.compare(*made, waves, metric="mse", names=("none", "five"))
    values = [made[i].evaluate(waves, verbose=0) for i in (0, 1)]
    np.testing.assert_allclose(result.difference, values[0] - values[1], rtol=1e-4)
    assert result.verdict == "five is better than none."
    assert "difference, paired" in str(result)
