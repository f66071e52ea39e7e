"""The learner generator: its gradients, its invariances, and what it hands back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import generators
from keras_meta.learners import LearnerGenerator
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.quick import quick_first

layers = keras.layers


def embedding(size=4):
    return keras.Sequential([keras.Input((2,)), layers.Dense(5, "tanh"), layers.Dense(size)])


def network(outputs):
    return keras.Sequential([keras.Input((2,)), layers.Dense(6, "tanh"), layers.Dense(outputs)])


def convolutional(outputs):
    x = [layers.Conv2D(4, 3, 2, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([keras.Input((8, 8, 1)), *x, layers.Flatten(), layers.Dense(outputs)])


def logits_loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


# What is written, and by which loss it learns, for classification and for regression.
CLASSIFIERS = {
    "logistic regression": lambda: generators.LogisticRegression(num_ways=3, units=8),
    "SVM": lambda: generators.LinearSVM(num_ways=3, penalty=0.01, units=8),
    "network": lambda: generators.NeuralNetwork(network(3), chunk_size=7, units=8),
    "FiLM": lambda: generators.FiLM(network(3), units=8),
}
REGRESSIONS = {
    "linear regression": lambda: generators.LinearRegression(penalty=0.01, units=8),
    "SVR": lambda: generators.LinearSVR(epsilon=0.05, units=8),
    "network": lambda: generators.NeuralNetwork(network(2), chunk_size=7, units=8),
    "FiLM": lambda: generators.FiLM(network(2), units=8),
}
REGRESSION_LOSS = {"network": "mse", "FiLM": "mse", "linear regression": None, "SVR": None}
every_classifier = pytest.mark.parametrize("name", CLASSIFIERS)
two_classifiers = pytest.mark.parametrize(
    "name", quick_first(CLASSIFIERS, ["logistic regression", "FiLM"])
)
every_regression = pytest.mark.parametrize("name", REGRESSIONS)


def classification(tasks=3, ways=3, shots=2, queries=2, shape=(2,), dtype="float32"):
    generator = np.random.default_rng(0)
    support_y, query_y = (
        np.tile(np.arange(ways, dtype="int32"), (tasks, n)) for n in (shots, queries)
    )
    inputs = {
        "support_x": generator.normal(size=(tasks, ways * shots, *shape)).astype(dtype),
        "support_y": support_y,
        "query_x": generator.normal(size=(tasks, ways * queries, *shape)).astype(dtype),
    }
    return keras.tree.map_structure(tf.constant, (inputs, query_y))


def regression(tasks=3, shots=4, queries=5, outputs=2, dtype="float32"):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(tasks, shots + queries, 2)).astype(dtype)
    y = np.sin(x @ generator.normal(size=(tasks, 2, outputs))).astype(dtype)
    inputs = {"support_x": x[:, :shots], "support_y": y[:, :shots], "query_x": x[:, shots:]}
    return keras.tree.map_structure(tf.constant, (inputs, y[:, shots:]))


def compiled(generated, model=None, loss=None, **kwargs):
    learner = LearnerGenerator(model or embedding(), generated, task_embedding_size=6, **kwargs)
    learner.compile("adam", loss or getattr(generated, "loss", logits_loss()))
    return randomised(learner)


def randomised(learner):
    """Moves the weights away from zeros, so that what is written depends on the task."""
    generator = np.random.default_rng(1)
    for variable in learner.trainable_variables:
        variable.assign(variable + 0.3 * generator.normal(size=variable.shape))
    return learner


def assert_gradient_is_right(learner, batch):
    gradients, _ = tf.function(learner.meta_gradients, autograph=False)(Episode(*batch))
    variables = learner.trainable_variables
    assert all(g is not None for g in gradients)
    loss = tf.function(
        lambda: tf.reduce_mean(learner.meta_gradients(Episode(*batch))[1][0]), autograph=False
    )
    for seed in range(2):
        direction = finite_differences.random_direction(variables, seed)
        expected = finite_differences.directional(loss, variables, direction)
        actual = finite_differences.dot(gradients, direction)
        assert abs(actual - expected) < 1e-7 * max(1.0, abs(expected))


@pytest.mark.parametrize("steps", quick_first([0, 2], [2]))
@every_classifier
def test_gradient_equals_central_differences_for_classes(name, steps, float64):
    learner = compiled(CLASSIFIERS[name](), inner_steps=steps, inner_learning_rate=0.3)
    assert_gradient_is_right(learner, classification(dtype="float64"))


@pytest.mark.parametrize("steps", quick_first([0, 2], [2]))
@pytest.mark.parametrize("name", quick_first(REGRESSIONS, ["linear regression", "SVR"]))
def test_gradient_equals_central_differences_for_values(name, steps, float64):
    learner = compiled(
        REGRESSIONS[name](), loss=REGRESSION_LOSS[name], inner_steps=steps, inner_learning_rate=0.3
    )
    assert_gradient_is_right(learner, regression(dtype="float64"))


@pytest.mark.parametrize(
    "batch_norm", quick_first(["transductive", "support", "running"], ["support"])
)
def test_gradient_equals_central_differences_with_normalisation(batch_norm, float64):
    body = [keras.Input((8, 8, 1)), layers.Conv2D(3, 3, 2, use_bias=False)]
    body += [layers.BatchNormalization(), layers.Activation("tanh"), layers.Flatten()]
    written = keras.models.clone_model(keras.Sequential([*body, layers.Dense(3)]))
    kind = generators.FiLM(written, units=8)
    model = keras.Sequential(body)
    learner = compiled(kind, model, batch_norm=batch_norm, inner_steps=1, inner_learning_rate=0.1)
    assert_gradient_is_right(learner, classification(shape=(8, 8, 1), dtype="float64"))


@two_classifiers
def test_the_order_of_the_support_set_does_not_matter(name):
    learner = compiled(CLASSIFIERS[name](), inner_steps=1)
    inputs, _ = classification()
    order = [4, 0, 5, 2, 1, 3]
    shuffled = {
        **inputs,
        "support_x": tf.gather(inputs["support_x"], order, axis=1),
        "support_y": tf.gather(inputs["support_y"], order, axis=1),
    }
    np.testing.assert_allclose(learner(shuffled), learner(inputs), atol=1e-5)
    relabelled = {**inputs, "support_y": tf.gather(inputs["support_y"], order, axis=1)}
    assert np.abs(learner(relabelled) - learner(inputs)).max() > 1e-3


@two_classifiers
def test_renumbering_the_classes_renumbers_the_predictions(name):
    learner = compiled(CLASSIFIERS[name](), inner_steps=1)
    inputs, _ = classification()
    number = tf.constant([2, 0, 1])  # class k becomes number[k]
    renumbered = {**inputs, "support_y": tf.gather(number, inputs["support_y"])}
    np.testing.assert_allclose(
        tf.gather(learner(renumbered), number, axis=2), learner(inputs), atol=1e-5
    )


@every_regression
def test_the_order_of_points_does_not_matter(name):
    learner = compiled(REGRESSIONS[name](), loss=REGRESSION_LOSS[name], inner_steps=1)
    inputs, _ = regression()
    shuffled = {
        key: tf.reverse(value, [1]) if key != "query_x" else value for key, value in inputs.items()
    }
    np.testing.assert_allclose(learner(shuffled), learner(inputs), atol=1e-5)


@every_classifier
@pytest.mark.parametrize("steps", quick_first([0, 2], [2]))
def test_the_adapted_model_predicts_as_the_learner_does(name, steps, tmp_path):
    learner = compiled(CLASSIFIERS[name](), inner_steps=steps)
    inputs, _ = classification()
    together = keras.ops.convert_to_numpy(learner(inputs))
    model = learner.adapt(inputs["support_x"][1], inputs["support_y"][1])
    np.testing.assert_allclose(
        model.predict(inputs["query_x"][1], verbose=0), together[1], atol=1e-5
    )
    model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(
        loaded.predict(inputs["query_x"][1], verbose=0), together[1], atol=1e-5
    )
    model.compile("sgd", logits_loss())  # and is an ordinary model, which trains on
    model.fit(inputs["support_x"][1], inputs["support_y"][1], verbose=0)


@pytest.mark.parametrize(
    ("kind", "batch_norm"),
    [
        ("head", "support"),
        *(
            pytest.param(kind, batch_norm, marks=pytest.mark.slow)
            for kind, batch_norm in (
                ("head", "transductive"),
                ("head", "running"),
                ("network", "running"),
                ("network", "transductive"),
                ("network", "support"),
            )
        ),
    ],
)
def test_the_adapted_convolutional_model(batch_norm, kind):
    body = convolutional(7)
    if kind == "head":
        generated = generators.LogisticRegression()
    else:
        generated = generators.FiLM(convolutional(3), units=8)
    learner = compiled(generated, body, logits_loss(), batch_norm=batch_norm)
    inputs, y = classification(shape=(8, 8, 1))
    learner.fit(inputs, y, epochs=2, verbose=0)
    together = keras.ops.convert_to_numpy(learner(inputs))
    model = learner.adapt(inputs["support_x"][1], inputs["support_y"][1])
    np.testing.assert_allclose(
        model.predict(inputs["query_x"][1], verbose=0), together[1], atol=1e-4
    )
    assert learner.check((inputs, y)).transductive == (batch_norm == "transductive")


@pytest.mark.parametrize("kind", quick_first(["head", "network"], ["head"]))
def test_running_statistics_move_in_all_that_is_run(kind):
    body = convolutional(7)
    written = convolutional(3)
    head = generators.LogisticRegression()
    generated = head if kind == "head" else generators.NeuralNetwork(written, units=8)
    learner = compiled(generated, body, logits_loss(), batch_norm="running")
    inputs, y = classification(shape=(8, 8, 1))
    models = [body] if kind == "head" else [body, written]
    before = [keras.ops.convert_to_numpy(m.non_trainable_variables[0]) for m in models]
    learner.evaluate(inputs, y, verbose=0)
    for model, value in zip(models, before, strict=True):
        np.testing.assert_array_equal(model.non_trainable_variables[0], value)
    learner.fit(inputs, y, verbose=0)
    for model, value in zip(models, before, strict=True):
        assert np.abs(model.non_trainable_variables[0] - value).max() > 1e-4


def test_ways_and_shots_may_vary():
    learner = compiled(generators.LogisticRegression(units=8))
    for ways, shots in ((3, 2), (5, 1), (2, 4)):
        inputs, y = classification(ways=ways, shots=shots)
        learner.fit(inputs, y, verbose=0)
        assert learner.predict(inputs, verbose=0).shape == (3, 2 * ways, ways)
        model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
        assert model.output_shape == (None, ways)


def test_a_stated_number_of_ways_is_the_most_there_may_be():
    stated = compiled(generators.LogisticRegression(num_ways=6, units=8))
    free = compiled(generators.LogisticRegression(units=8))
    free.set_weights(stated.get_weights())
    inputs, y = classification(ways=3)
    predictions = stated.predict(inputs, verbose=0)
    np.testing.assert_allclose(predictions[..., :3], free.predict(inputs, verbose=0), atol=1e-5)
    assert (predictions[..., 3:] < -1e3).all()
    losses = [learner.evaluate(inputs, y, verbose=0) for learner in (stated, free)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_single_targets_of_a_regression():
    learner, other = (compiled(generators.LinearRegression(units=8)) for _ in range(2))
    other.set_weights(learner.get_weights())
    inputs, y = regression(outputs=1)
    flat = {**inputs, "support_y": inputs["support_y"][..., 0]}
    np.testing.assert_array_equal(other(flat), learner(inputs))
    losses = other.evaluate(flat, y[..., 0], verbose=0), learner.evaluate(inputs, y, verbose=0)
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_inner_steps_descend_from_what_was_written(float64):
    learner = compiled(
        generators.LinearRegression(penalty=0.02, units=8), inner_steps=2, inner_learning_rate=0.1
    )
    inputs, _ = regression(dtype="float64")
    x, y = (np.asarray(inputs[key][0]) for key in ("support_x", "support_y"))
    kernel, bias = (
        np.asarray(w)
        for w in learner.adapt_task(tf.constant(x), tf.constant(y), steps=0)["weights"]
    )
    features = np.asarray(learner.model(x))
    for _ in range(2):
        error = 2.0 * (features @ kernel + bias - y) / np.size(y)
        kernel, bias = (
            kernel - 0.1 * (features.T @ error + 2 * 0.02 * kernel),
            bias - 0.1 * error.sum(0),
        )
    adapted = learner.adapt_task(tf.constant(x), tf.constant(y))["weights"]
    for actual, expected in zip(adapted, (kernel, bias), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-12)


@every_classifier
def test_predictions_by_step(name):
    learner = compiled(CLASSIFIERS[name](), inner_steps=2, inner_learning_rate=0.2)
    inputs, _ = classification()
    by_step = learner.predict_by_step(inputs, steps=3)
    assert by_step.shape == (4, 3, 6, 3)
    np.testing.assert_allclose(by_step[2], learner(inputs), atol=1e-5)
    learner.eval_inner_steps = 0
    np.testing.assert_allclose(by_step[0], learner(inputs), atol=1e-5)
    assert np.abs(by_step[0] - by_step[3]).max() > 1e-4


def test_first_order_differs():
    inputs, y = classification()
    gradients = []
    for first_order in (False, True):
        learner = compiled(
            CLASSIFIERS["network"](),
            inner_steps=2,
            inner_learning_rate=0.3,
            first_order=first_order,
        )
        gradients.append(learner.meta_gradients(Episode(inputs, y))[0])
    assert max(np.abs(a - b).max() for a, b in zip(*gradients, strict=True)) > 1e-5


def test_the_embedding_of_a_task():
    learner = compiled(generators.LogisticRegression(units=8))
    inputs, _ = classification()
    task_embedding = learner.embed_task(inputs["support_x"][0], inputs["support_y"][0])
    assert task_embedding.task.shape == (6,) and task_embedding.outputs.shape == (3, 6)
    other = learner.embed_task(inputs["support_x"][1], inputs["support_y"][1])
    assert np.abs(task_embedding.task - other.task).max() > 1e-3
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside 0..2"):
        compiled(CLASSIFIERS["SVM"]()).embed_task(inputs["support_x"][0], np.arange(6))


def test_named_features():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.Dense(4)(layers.Concatenate()([a, b])))
    learner = compiled(generators.LogisticRegression(units=8), model)
    inputs, y = classification()
    inputs = {
        key: {"a": x, "b": tf.concat([x, x[..., :1]], -1)} if key != "support_y" else x
        for key, x in inputs.items()
    }
    learner.fit(inputs, y, verbose=0)
    model = learner.adapt({k: x[0] for k, x in inputs["support_x"].items()}, inputs["support_y"][0])
    predictions = model({key: x[0] for key, x in inputs["query_x"].items()})
    np.testing.assert_allclose(predictions, learner(inputs)[0], atol=1e-5)


def test_it_learns_sinusoids_in_one_pass():
    model = keras.Sequential(
        [keras.Input((1,)), layers.Dense(32, "relu"), layers.Dense(32, "relu")]
    )
    learner = LearnerGenerator(model, generators.LinearRegression(units=64), task_embedding_size=64)
    learner.compile(keras.optimizers.Adam(3e-3), learner.generated.loss, steps_per_execution=100)
    test = keras_meta.episodes.Sinusoid(10, 10, seed=1).as_dataset(50, num_batches=2)
    untrained = learner.evaluate(test, verbose=0)
    waves = keras_meta.episodes.Sinusoid(10, 10, seed=0)
    learner.fit(waves.as_dataset(25), steps_per_epoch=600, verbose=0)
    assert learner.evaluate(test, verbose=0) < 0.25 * untrained


def test_check_finds_the_gradient_right():
    learner = compiled(generators.NeuralNetwork(network(3), units=8), inner_steps=1)
    report = learner.check(classification())
    assert report.ok and not report.without_gradient, str(report)


def stretched():
    return [keras.Input((2,)), layers.Dense(4, "softsign", name="signs"), layers.Dense(3)]


MISTAKES = {
    "no vectors": (
        lambda: LearnerGenerator(
            keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)]),
            generators.LogisticRegression(),
        ),
        r"must embed an example as a vector .* output shape \(None, 6, 6, 2\)",
    ),
    "nothing to write": (
        lambda: LearnerGenerator(embedding(), "svm"),
        "must be a `keras_meta.generators.GeneratedLearner`",
    ),
    "used twice": (
        lambda: [LearnerGenerator(embedding(), w) for w in [generators.LinearSVM()] * 2],
        "belongs to one generator",
    ),
    "steps": (
        lambda: LearnerGenerator(embedding(), generators.LinearSVM(), inner_steps=-1),
        "Received: inner_steps=-1",
    ),
    "rate": (
        lambda: LearnerGenerator(embedding(), generators.LinearSVM(), inner_learning_rate=-1.0),
        "`inner_learning_rate` must be a finite number >= 0",
    ),
    "no second derivative": (
        lambda: LearnerGenerator(
            embedding(), generators.NeuralNetwork(keras.Sequential(stretched())), inner_steps=1
        )(classification()[0]),
        "Softsign in layer 'signs'",
    ),
    "no loss to descend": (
        lambda: LearnerGenerator(embedding(), CLASSIFIERS["SVM"](), inner_steps=1)(
            classification()[0]
        ),
        "There is no inner loss",
    ),
    "vectorised with ways unknown": (
        lambda: LearnerGenerator(
            embedding(), generators.LogisticRegression(), task_map="vectorize"
        )(classification()[0]),
        "State `num_ways`",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    make, message = MISTAKES[name]
    with pytest.raises((ValueError, TypeError), match=message):
        make()
