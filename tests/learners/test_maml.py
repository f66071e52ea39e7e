"""MAML: against a MAML written by hand, and its own arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.outer_loop.episode import Episode
from tests import reference


def episodes(tasks=3, shots=4, queries=5, seed=0):
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(tasks, shots + queries, 2)), None
    y = np.sin(x @ generator.normal(size=(2, 1)))
    inputs = {
        "support_x": tf.constant(x[:, :shots]),
        "support_y": tf.constant(y[:, :shots]),
        "query_x": tf.constant(x[:, shots:]),
    }
    return inputs, tf.constant(y[:, shots:])


def dense_model():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(7, "tanh"), keras.layers.Dense(1)]
    )


def convolutional_model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("first_order", [False, True])
def test_equals_a_maml_written_by_hand(task_map, steps, first_order, float64):
    learner = keras_meta.learners.MAML(
        dense_model(), 0.3, steps, first_order=first_order, task_map=task_map
    )
    learner.compile(loss="mse")
    batch = episodes()
    weights = [tf.identity(v.value) for v in learner.trainable_variables]
    loss, expected = reference.meta_gradient(weights, batch, 0.3, steps, first_order)
    gradients, (losses, _, _) = tf.function(learner.meta_gradients)(Episode(*batch))
    assert abs(float(tf.reduce_mean(losses) - loss)) < 1e-10
    for actual, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-10)


def test_eager_loop_and_graph_loop_agree(float64):
    learner = keras_meta.learners.MAML(dense_model(), 0.3, 2, task_map="loop")
    learner.compile(loss="mse")
    eager, _ = learner.meta_gradients(Episode(*episodes()))
    graph, _ = tf.function(learner.meta_gradients)(Episode(*episodes()))
    for a, b in zip(eager, graph, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_assigning_settings_takes_effect():
    learner = keras_meta.learners.MAML(dense_model(), 0.3, 1)
    learner.compile("adam", "mse")
    inputs, _ = episodes()
    before = learner.predict(inputs, verbose=0)
    learner.inner_learning_rate = 0.0
    frozen = learner.predict(inputs, verbose=0)
    assert np.abs(before - frozen).max() > 1e-3
    learner.inner_learning_rate = 0.3
    np.testing.assert_allclose(learner.predict(inputs, verbose=0), before, atol=1e-6)
    learner.eval_inner_steps = 4
    assert np.abs(learner.predict(inputs, verbose=0) - before).max() > 1e-3


def test_head_and_body_are_what_they_say():
    model = dense_model()
    inputs, _ = episodes()
    adapted = {}
    for adapt in ("head", "body", ["dense_a"], lambda v: v.path.endswith("bias")):
        model.layers[0].name = "dense_a"
        learner = keras_meta.learners.MAML(model, 0.3, adapted_weights=adapt)
        learner.compile(loss="mse")
        task_model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
        changed = [
            bool(np.any(keras.ops.convert_to_numpy(a) != keras.ops.convert_to_numpy(b)))
            for a, b in zip(task_model.weights, model.weights, strict=True)
        ]
        adapted[str(adapt)[:6]] = changed
    assert adapted["head"] == [False, False, True, True]
    assert adapted["body"] == [True, True, False, False]
    assert adapted["['dens"] == [True, True, False, False]
    assert adapted["<funct"] == [False, True, False, True]


def test_adapted_model_predicts_as_the_learner_does():
    inputs, _ = episodes()
    learner = keras_meta.learners.MAML(dense_model(), 0.3, 2)
    learner.compile(loss="mse")
    together = keras.ops.convert_to_numpy(learner(inputs))
    for task in range(3):
        model = learner.adapt(inputs["support_x"][task], inputs["support_y"][task])
        alone = model.predict(inputs["query_x"][task], verbose=0)
        np.testing.assert_allclose(alone, together[task], atol=1e-5)


@pytest.mark.parametrize("batch_norm", ["transductive", "support", "running"])
def test_adapted_convolutional_model_predicts_as_the_learner_does(batch_norm, tmp_path):
    inputs, _ = image_episodes()
    learner = keras_meta.learners.MAML(convolutional_model(), 0.1, 2, batch_norm=batch_norm)
    learner.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    together = keras.ops.convert_to_numpy(learner(inputs))
    task_model = learner.adapt(inputs["support_x"][1], inputs["support_y"][1])
    np.testing.assert_allclose(
        task_model.predict(inputs["query_x"][1], verbose=0), together[1], atol=1e-5
    )
    task_model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(
        loaded.predict(inputs["query_x"][1], verbose=0), together[1], atol=1e-5
    )


def image_episodes(tasks=3):
    generator = np.random.default_rng(0)
    inputs = {
        "support_x": generator.normal(size=(tasks, 3, 8, 8, 1)).astype("float32"),
        "support_y": np.tile(np.arange(3, dtype="int32"), (tasks, 1)),
        "query_x": generator.normal(size=(tasks, 6, 8, 8, 1)).astype("float32"),
    }
    return keras.tree.map_structure(tf.constant, inputs), tf.constant(
        np.tile(np.arange(3, dtype="int32"), (tasks, 2))
    )


def test_support_statistics_are_inductive_and_batch_statistics_are_not():
    inputs, y = image_episodes()
    influence = {}
    for mode in ("transductive", "support", "running"):
        learner = keras_meta.learners.MAML(convolutional_model(), 0.1, batch_norm=mode)
        learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        influence[mode] = learner.check((inputs, y)).transductive
    assert influence == {"transductive": True, "support": False, "running": False}


@pytest.mark.slow
def test_evaluation_changes_no_state_and_only_running_changes_statistics():
    inputs, y = image_episodes()
    for mode in ("transductive", "support", "running"):
        model = convolutional_model()
        learner = keras_meta.learners.MAML(model, 0.1, batch_norm=mode)
        learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        before = [keras.ops.convert_to_numpy(v) for v in model.variables]
        learner.evaluate(inputs, y, verbose=0)
        learner.predict(inputs, verbose=0)
        for value, variable in zip(before, model.variables, strict=True):
            np.testing.assert_array_equal(value, variable)
        statistics = [keras.ops.convert_to_numpy(v) for v in model.non_trainable_weights]
        learner.fit(inputs, y, verbose=0)
        moved = any(
            np.any(a != keras.ops.convert_to_numpy(b))
            for a, b in zip(statistics, model.non_trainable_weights, strict=True)
        )
        assert moved == (mode == "running")


def test_noise_depends_on_task_step_and_inner_step_alone():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(7), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    learner = keras_meta.learners.MAML(model, 0.1, 2)
    learner.compile("sgd", "mse")
    inputs, y = episodes(tasks=1)
    same = keras.tree.map_structure(lambda x: tf.repeat(x, 2, 0), inputs)
    first, second = learner(same, training=True)
    assert np.abs(first - second).max() > 1e-6  # two tasks, two masks
    again, _ = learner(same, training=True)
    np.testing.assert_array_equal(first, again)
    learner.fit(inputs, y, verbose=0)
    moved, _ = learner(same, training=True)
    assert np.abs(moved - again).max() > 1e-6  # another outer step, another mask


def test_multiple_inputs_one_hot_labels_and_a_subclass():
    @keras.saving.register_keras_serializable("tests")
    class TwoInputs(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.left, self.right = keras.layers.Dense(4, "tanh"), keras.layers.Dense(3)

        def call(self, inputs):
            return self.right(self.left(inputs["a"]) * inputs["b"])

    model = TwoInputs()
    model({"a": np.ones((1, 2), "float32"), "b": np.ones((1, 4), "float32")})
    learner = keras_meta.learners.MAML(model, 0.3)
    learner.compile(
        "adam", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    generator = np.random.default_rng(0)

    def features(n):
        return {
            "a": generator.normal(size=(2, n, 2)).astype("float32"),
            "b": generator.normal(size=(2, n, 4)).astype("float32"),
        }

    labels = np.eye(3, dtype="float32")[generator.integers(0, 3, (2, 5))]
    inputs = {"support_x": features(5), "support_y": labels, "query_x": features(5)}
    history = learner.fit(inputs, labels, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and "accuracy" in history


def test_tuple_features():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model((a, b), keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
    learner = keras_meta.learners.MAML(model, 0.1)
    learner.compile("adam", "mse")
    generator = np.random.default_rng(0)

    def features(n):
        return tuple(generator.normal(size=(2, n, d)).astype("float32") for d in (2, 3))

    y = generator.normal(size=(2, 4, 1)).astype("float32")
    inputs = {"support_x": features(4), "support_y": y, "query_x": features(4)}
    assert np.isfinite(learner.evaluate(inputs, y, verbose=0))
    assert learner.predict(inputs, verbose=0).shape == (2, 4, 1)


def test_sample_weights_of_tasks_and_queries():
    learner = keras_meta.learners.MAML(dense_model(), 0.1)
    learner.compile("adam", "mse", weighted_metrics=["mae"])
    inputs, y = episodes()
    full = learner.evaluate(inputs, y, sample_weight=np.ones((3, 5)), verbose=0)
    np.testing.assert_allclose(learner.evaluate(inputs, y, verbose=0)[0], full[0], rtol=1e-6)
    only_first = learner.evaluate(inputs, y, sample_weight=np.array([3.0, 0.0, 0.0]), verbose=0)
    first = keras.tree.map_structure(lambda x: x[:1], (inputs, y))
    np.testing.assert_allclose(only_first[0], learner.evaluate(*first, verbose=0)[0], rtol=1e-5)


def test_regularizers_count_inside_and_outside():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5))]
    )
    learner = keras_meta.learners.MAML(model, 0.0)
    learner.compile("sgd", "mse")
    inputs, y = episodes()
    penalty = 0.5 * float(np.square(model.weights[0]).sum())
    error = float(np.square(keras.ops.convert_to_numpy(learner(inputs)) - y).mean())
    np.testing.assert_allclose(learner.evaluate(inputs, y, verbose=0), error + penalty, rtol=1e-5)


def test_check_finds_a_wrong_gradient_overlap_and_dead_weights():
    learner = keras_meta.learners.MAML(dense_model(), 0.1)
    learner.compile("adam", "mse")
    inputs, y = keras.tree.map_structure(lambda x: tf.cast(x, "float32"), episodes())
    report = learner.check((inputs, y))
    assert report.ok, str(report)
    assert report.gradient_error < 0.01 and not report.transductive and not report.overlap
    assert "central differences" in str(report)

    leaking = {**inputs, "query_x": tf.repeat(inputs["support_x"][:, :1], 5, axis=1)}
    assert learner.check((leaking, y)).overlap == 15

    @keras.saving.register_keras_serializable("tests")
    class HalfGradient(keras.layers.Layer):
        def call(self, x):
            return tf.stop_gradient(x) * 0.5 + 0.5 * x

    layers = [keras.layers.Dense(3, "tanh"), HalfGradient(), keras.layers.Dense(1)]
    wrong = keras_meta.learners.MAML(keras.Sequential([keras.Input((2,)), *layers]), 0.1)
    wrong.compile("adam", "mse")
    report = wrong.check((inputs, y))
    assert not report.ok and report.gradient_error > 0.02

    stopped = keras.layers.Lambda(tf.stop_gradient)
    layers = [keras.layers.Dense(3), stopped, keras.layers.Dense(1)]
    dead = keras_meta.learners.MAML(keras.Sequential([keras.Input((2,)), *layers]), 0.1)
    dead.compile("adam", "mse")
    assert len(dead.check((inputs, y)).without_gradient) == 2


def test_check_finds_the_reference_network_right_despite_the_kinks_of_relu():
    learner = keras_meta.learners.MAML(
        keras_meta.networks.Conv4(5, filters=4), inner_learning_rate=0.4
    )
    learner.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=5, num_shots=1, num_queries=2, num_classes=10)
    (batch,) = tasks.as_dataset(2, num_batches=1)
    assert "ok    meta-gradient" in str(learner.check(batch))
