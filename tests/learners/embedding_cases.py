"""What the tests of learners on an embedding share."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.outer_loop.episode import Episode
from tests import finite_differences


def body():
    """Convolution, normalisation, a regularizer; vectors of length 5."""
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


def dense_body():
    """Vectors of length 5, without normalisation."""
    layers = keras.layers
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(5, "tanh")])


def map_body():
    """Feature maps `[2, 2, 3]`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(3, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
        ]
    )


def episodes(tasks=3, ways=3, examples=6, queries=6):
    """Random tasks, with query labels that say nothing about the queries."""
    generator = np.random.default_rng(ways)
    labels = [np.tile(np.arange(n) % ways, (tasks, 1)) for n in (examples, queries)]
    x = [generator.normal(size=(tasks, n, 4, 4, 1)) for n in (examples, queries)]
    x = [tf.constant(array, keras.config.floatx()) for array in x]
    support_y, query_y = (tf.constant(array, tf.int32) for array in labels)
    return {"support_x": x[0], "support_y": support_y, "query_x": x[1]}, query_y


def padded(batch, examples):
    """The same `Episode` batch, its support sets and queries padded to as many examples."""

    def pad(x):
        missing = examples - x.shape[1]
        return tf.pad(x, [[0, 0], [0, missing], *[[0, 0]] * (x.shape.rank - 2)])

    masks = {
        "support_mask": pad(tf.ones_like(batch.inputs["support_y"], tf.bool)),
        "query_mask": pad(tf.ones_like(batch.query_y, tf.bool)),
    }
    inputs = {key: pad(x) for key, x in batch.inputs.items()}
    return Episode({**inputs, **masks}, pad(batch.query_y))


def compiled(learner, optimizer=None):
    learner.compile(
        keras.optimizers.SGD(0.1) if optimizer is None else optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return learner


def check_gradient(learner):
    """Compares the gradient of a compiled learner with central differences, in float64."""
    batch = episodes()
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(Episode(*batch))
    variables = learner.trainable_variables
    assert all(g is not None and np.any(g) for g in gradients)
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1][0]), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


def check_open_ways(learner, folder):
    """Trains with 3 ways, and evaluates and serves others."""
    compiled(learner)
    inputs, y = episodes()
    learner.fit(inputs, y, batch_size=3, verbose=0)
    learner.export(folder / "serving", verbose=False)
    serving = tf.saved_model.load(str(folder / "serving")).signatures
    for ways, examples in ((2, 2), (3, 9), (5, 10)):
        inputs, y = episodes(ways=ways, examples=examples, queries=7)
        assert np.isfinite(learner.evaluate(inputs, y, verbose=0))
        predictions = learner.predict(inputs, verbose=0)
        assert predictions.shape == (3, 7, ways)
        served = serving["serve"](**inputs)["predictions"]
        np.testing.assert_allclose(served, predictions, atol=1e-5)
        state = serving["adapt"](support_x=inputs["support_x"][1], support_y=inputs["support_y"][1])
        two_calls = serving["predict"](query_x=inputs["query_x"][1], **state)["predictions"]
        np.testing.assert_allclose(two_calls, predictions[1], atol=1e-5)


def check_adapted_model(learner, folder):
    """The model for a task predicts as the learner does, saved and loaded as well."""
    compiled(learner)
    inputs, y = episodes()
    learner.train_step((inputs, y))  # eagerly, because tracing would take most of the time
    expected = learner(inputs)[0]
    model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    queries = inputs["query_x"][0]
    np.testing.assert_allclose(model.predict(queries, verbose=0), expected, atol=1e-5)
    model.save(folder / "task.keras")
    loaded = keras.models.load_model(folder / "task.keras")
    np.testing.assert_allclose(loaded.predict(queries, verbose=0), expected, atol=1e-5)


def check_absent_class(learner):
    """A learner of 4 ways never predicts the class that a task has no support examples of."""
    compiled(learner)
    inputs, y = episodes(ways=3)
    predictions = learner(inputs)
    assert predictions.shape == (3, 6, 4)
    assert (tf.nn.softmax(predictions)[..., 3].numpy() < 1e-30).all()
    learner.train_step((inputs, y))
    assert np.isfinite(learner.test_step((inputs, y))["loss"])
