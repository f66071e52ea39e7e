"""The head that prototypes write, and inner steps from there."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import learners
from keras_meta.heads.linear import prototype_head
from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.quick import quick_first


def embedding():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(3, 3, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )


def episodes(tasks=3, ways=3, examples=6):
    generator = np.random.default_rng(ways)
    labels = np.tile(np.arange(examples) % ways, (tasks, 1)).astype("int32")
    x = [generator.normal(size=(tasks, examples, 4, 4, 1)) for _ in range(2)]
    inputs = {"support_x": x[0], "support_y": labels, "query_x": x[1]}
    return keras.tree.map_structure(
        lambda array: tf.constant(array, "int32" if array is labels else keras.config.floatx()),
        (inputs, labels),
    )


def compiled(*args, **kwargs):
    keras.utils.set_random_seed(0)
    learner = learners.ProtoMAML(embedding(), *args, **kwargs)
    learner.compile(
        keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return learner


def test_the_head_is_that_of_squared_distances(float64):
    generator = np.random.default_rng(0)
    features, queries = generator.normal(size=(6, 5)), generator.normal(size=(4, 5))
    labels = np.array([0, 1, 3, 1, 0, 3])  # nothing of class 2
    kernel, bias = prototype_head(tf.constant(features), tf.one_hot(labels, 4))
    means = np.stack([features[labels == n].mean(0) for n in (0, 1, 3)])
    distances = ((queries[:, None] - means) ** 2).sum(-1)
    probabilities = tf.nn.softmax(tf.matmul(queries, kernel) + bias).numpy()
    np.testing.assert_allclose(probabilities[:, [0, 1, 3]], tf.nn.softmax(-distances), rtol=1e-12)
    assert (probabilities[:, 2] == 0).all()


CASES = {
    "two steps": {"inner_steps": 2},
    "a prototypical network": {"inner_steps": 0},
    "the head alone": {"inner_steps": 2, "adapted_weights": "head"},
    "the body alone": {"inner_steps": 2, "adapted_weights": "body"},
    "statistics of the support set": {"inner_steps": 2, "batch_norm": "support"},
    "checkpointed": {"inner_steps": 2, "checkpoint_steps": True},
    "vectorised": {"inner_steps": 2, "num_ways": 3, "task_map": "vectorize"},
    "learned rates": {"inner_steps": 2, "inner_optimizer": ("layer", True)},
    "a rate for each parameter": {"num_ways": 3, "inner_optimizer": ("parameter", False)},
}


QUICK = ("two steps", "a prototypical network", "the body alone")


@pytest.mark.parametrize("name", quick_first(CASES, QUICK))
def test_meta_gradient_equals_central_differences(name, float64):
    options = dict(CASES[name])
    if "inner_optimizer" in options:
        options["inner_optimizer"] = SGD(Learned(0.1, *options["inner_optimizer"]))
    else:
        options["inner_learning_rate"] = 0.1
    learner = compiled(**options)
    batch = episodes()
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(Episode(*batch))
    variables = learner.trainable_variables
    assert all(g is not None for g in gradients)
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1][0]), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize(
    "batch_norm", quick_first(["transductive", "support", "running"], ["running"])
)
def test_ways_vary_between_batches(batch_norm, tmp_path):
    learner = compiled(0.1, 2, batch_norm=batch_norm)
    learner.fit(tf.data.Dataset.from_tensors(episodes(ways=3)), verbose=0)
    for ways in (2, 5):
        inputs, y = episodes(ways=ways)
        learner.fit(tf.data.Dataset.from_tensors((inputs, y)), verbose=0)
        assert np.isfinite(learner.evaluate(inputs, y, verbose=0))
    learner.export(tmp_path / "serving", verbose=False)
    serving = tf.saved_model.load(str(tmp_path / "serving")).signatures
    for ways in (2, 5):
        inputs, _ = episodes(ways=ways)
        predictions = learner.predict(inputs, verbose=0)
        assert predictions.shape == (3, 6, ways)
        np.testing.assert_allclose(
            serving["serve"](**inputs)["predictions"], predictions, atol=1e-5
        )
        state = serving["adapt"](support_x=inputs["support_x"][1], support_y=inputs["support_y"][1])
        two_calls = serving["predict"](query_x=inputs["query_x"][1], **state)["predictions"]
        np.testing.assert_allclose(two_calls, predictions[1], atol=1e-5)


@pytest.mark.parametrize(
    "batch_norm", quick_first(["transductive", "support", "running"], ["support"])
)
def test_the_adapted_model_is_an_ordinary_one_with_a_dense_head(batch_norm, tmp_path):
    learner = compiled(0.1, 2, batch_norm=batch_norm)
    inputs, _ = episodes()
    expected = learner(inputs)[0]
    model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    np.testing.assert_allclose(model.predict(inputs["query_x"][0], verbose=0), expected, atol=1e-5)
    plain = model.model if batch_norm == "transductive" else model
    assert isinstance(plain.layers[-1], keras.layers.Dense) and plain.layers[-1].units == 3
    model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(loaded.predict(inputs["query_x"][0], verbose=0), expected, atol=1e-5)


def test_a_class_without_support_examples_is_never_predicted():
    learner = compiled(0.1, 2, num_ways=4)
    inputs, y = episodes(ways=3)
    predictions = learner.predict(inputs, verbose=0)
    assert predictions.shape == (3, 6, 4) and (predictions.argmax(-1) < 3).all()
    assert np.isfinite(learner.evaluate(inputs, y, verbose=0))


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="must embed an example as a vector"):
        learners.ProtoMAML(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)]))
    with pytest.raises(ValueError, match="State `num_ways`, or use task_map='loop'"):
        compiled(0.1, task_map="vectorize").chosen_task_map()
    with pytest.raises(ValueError, match="known shapes. State `num_ways`"):
        compiled(inner_optimizer=SGD(Learned(0.1, "parameter")))
    with pytest.raises(ValueError, match="`num_ways` must be an integer >= 2"):
        compiled(0.1, num_ways=1)


def test_steps_from_prototypes_help_a_body_that_was_not_trained():
    """Each inner step lowers the support loss."""
    learner = compiled(0.05, 3, adapted_weights="head")
    inputs, _ = episodes(examples=9)
    losses = learner.inner_losses(inputs["support_x"][0], inputs["support_y"][0]).numpy()
    assert (np.diff(losses) < 0).all()
    curve = keras_meta.metrics.adaptation_curve(
        learner, tf.data.Dataset.from_tensors(episodes()), steps=2
    )
    assert curve.values.shape == (3, 3)
