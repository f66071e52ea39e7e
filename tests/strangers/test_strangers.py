"""What each stranger does, by its own definition; that they keep the contract is in its table."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences, strangers
from tests.inner_optimizers import descents
from tests.quick import quick_first
from tests.strangers.clusters import Clusters

LOSS = keras.losses.SparseCategoricalCrossentropy


def small_model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 3, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@pytest.fixture
def batch():
    """Two tasks of two shots."""
    inputs, y = Clusters(num_shots=2).sample(0, 2)
    cast = keras.config.floatx()
    return {key: tf.cast(x, cast) if key != "support_y" else x for key, x in inputs.items()}, y


def compiled(learner, learning_rate=0.1):
    optimizer = keras.optimizers.SGD(learning_rate)
    learner.compile(optimizer, LOSS(from_logits=True), metrics=["accuracy"])
    return learner


@pytest.mark.parametrize("name", strangers.LEARNERS)
def test_meta_gradient_equals_central_differences(name, float64, batch):
    learner = compiled(strangers.LEARNERS[name](small_model()))
    function = tf.function(learner.meta_gradients, autograph=False)
    gradients, _ = function(Episode(*batch))
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1].loss), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


QUICK = ("a stranger's own learner", "a stranger's statistics")


@pytest.mark.parametrize("name", quick_first(strangers.LEARNERS, QUICK))
def test_the_adapted_model_predicts_as_the_learner(name, batch, tmp_path):
    learner = compiled(strangers.LEARNERS[name](small_model()))
    inputs, _ = batch
    expected = learner.predict(inputs, verbose=0)[1]
    learner.adapt(inputs["support_x"][1], inputs["support_y"][1]).save(tmp_path / "task.keras")
    model = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(model.predict(inputs["query_x"][1], verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("name", quick_first(strangers.LEARNERS, ["a stranger's own learner"]))
def test_check_finds_nothing(name, batch):
    report = compiled(strangers.LEARNERS[name](small_model(), seed=3)).check(batch)
    assert report.ok and not report.without_gradient, str(report)
    assert report.transductive == (name != "a stranger's statistics")


def test_a_state_is_exported_by_the_path_to_each_tensor(batch, tmp_path):
    learner = compiled(strangers.NaiveBayes(small_model(), num_ways=3, batch_norm="support"))
    inputs, _ = batch
    expected = learner.predict(inputs, verbose=0)[0]
    learner.export(tmp_path / "serving", verbose=False)
    serving = tf.saved_model.load(str(tmp_path / "serving")).signatures
    task = {key: x[0] for key, x in inputs.items()}
    query_x = task.pop("query_x")
    state = serving["adapt"](**task)
    gaussians = {"gaussians_log_prior", "gaussians_means", "gaussians_variances"}
    assert gaussians < set(state) and len(state) == 5  # and the statistics of one layer
    found = serving["predict"](query_x=query_x, **state)["predictions"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_few_weights_move(batch):
    moved = {}
    for sparsity in (0.0, 0.01, 1e9):
        keras.utils.set_random_seed(0)
        learner = compiled(strangers.SparseHead(small_model(), 0.1, 2, sparsity=sparsity))
        inputs, _ = batch
        state = learner.adapt_task(inputs["support_x"][0], inputs["support_y"][0])
        start = [v.numpy() for v in learner.model.trainable_variables[-2:]]
        moved[sparsity] = np.mean(state["weights"][0] != start[0])
    assert moved[0.0] == 1 and 0 < moved[0.01] < 0.9 and moved[1e9] == 0


def test_naive_bayes_by_its_definition(float64):
    embedding = keras.Sequential(
        [keras.Input((2,)), keras.layers.Identity(), keras.layers.Dense(2)]
    )
    embedding.layers[-1].set_weights([np.eye(2), np.zeros(2)])
    learner = compiled(strangers.NaiveBayes(embedding, num_ways=2))
    learner.log_variance.assign(np.log(0.5))
    x = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 3.0]])
    state = learner.adapt_task(tf.constant(x), tf.constant([0, 0, 1]))
    gaussians = state["gaussians"]
    np.testing.assert_allclose(gaussians["means"], [[1, 1], [5, 3]])
    np.testing.assert_allclose(gaussians["variances"], np.array([0.5 + 2, 0.5]) / 4)
    np.testing.assert_allclose(gaussians["log_prior"], np.log([3 / 5, 2 / 5]))
    query, variance = np.array([2.0, 2.0]), gaussians["variances"].numpy()
    density = [
        np.prod(np.exp(-((query - m) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance))
        for m in ([1, 1], [5, 3])
    ]
    scores = learner.predict_task(state, tf.constant(query[None])).predictions[0]
    np.testing.assert_allclose(np.exp(scores), density * np.array([3 / 5, 2 / 5]))


def test_statistics_by_their_definition(float64):
    layers = keras.layers
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1), layers.BatchNormalization()])
    kernel, bias, mean, variance = 1.0, 0.0, 10.0, 4.0
    weights = [[[kernel]], [bias], [1.0], [0.0], [mean], [variance]]
    model.set_weights([np.array(w) for w in weights])
    policy = strangers.BlendedStatistics(0.25)
    learner = compiled(learners.MAML(model, 0.1, 0, inner_loss="mse", batch_norm=policy))
    x = np.array([[1.0], [2.0], [6.0]])
    state = learner.adapt_task(tf.constant(x), tf.constant(x))
    kept = [float(value[0]) for _, value in sorted(state["statistics"].items())]
    blended = [0.25 * x.mean() + 0.75 * mean, 0.25 * x.var() + 0.75 * variance]
    np.testing.assert_allclose(kept, blended)
    queries = np.array([[3.0], [5.0]])
    for training in (False, True):
        output = learner.predict_task(state, tf.constant(queries), training)
        expected = (queries - blended[0]) / np.sqrt(blended[1] + 1e-3)
        np.testing.assert_allclose(output.predictions, expected)
    # Fitting moves the stored ones towards those of the queries, by themselves.
    policy.follow(learner.functional, {i: x[None] for i, x in output.state.items()})
    np.testing.assert_allclose(model.layers[-1].moving_mean.numpy(), [0.99 * mean + 0.01 * 4.0])
    np.testing.assert_allclose(
        model.layers[-1].moving_variance.numpy(), [0.99 * variance + 0.01 * 1.0]
    )


def test_a_frozen_layer_keeps_to_its_own(batch):
    model = small_model()
    model.layers[1].trainable = False
    learner = compiled(strangers.LEARNERS["a stranger's statistics"](model))
    before = model.layers[1].moving_mean.numpy()
    learner.fit(*batch, verbose=0)
    np.testing.assert_array_equal(model.layers[1].moving_mean.numpy(), before)


def test_the_inner_optimizer_equals_that_of_keras():
    descents.assert_equals_keras(
        strangers.Adagrad(0.1), keras.optimizers.Adagrad(0.1, 0.1, epsilon=0.0)
    )
    descents.assert_configuration_survives(strangers.Adagrad(0.2, 0.3, global_clipnorm=1.0))


# A sampler.


def values(dataset):
    return [
        np.concatenate([np.ravel(x) for x in keras.tree.flatten(element)]) for element in dataset
    ]


def test_tasks_are_clusters():
    tasks = Clusters(num_shots=2, num_queries=3)
    inputs, y = tasks.sample(5, 4)
    assert inputs["support_x"].shape == (4, 6, 8, 8, 1) and inputs["query_x"].shape[1] == 9
    np.testing.assert_array_equal(inputs["support_y"][0], [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(y[3], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    # An example is nearest to those of its class, and two are not the same.
    distances = np.abs(inputs["query_x"][:, :, None] - inputs["support_x"][:, None]).mean((3, 4, 5))
    nearest = np.take_along_axis(inputs["support_y"].numpy(), distances.argmin(-1), axis=1)
    np.testing.assert_array_equal(nearest, y)
    assert distances.min() > 0


def test_the_stream_is_a_function_of_seed_and_task():
    whole = values(Clusters(seed=4).as_dataset(2, num_batches=4))
    np.testing.assert_array_equal(values(Clusters(seed=4).as_dataset(2, 2, start=2)), whole[2:])
    by_four = values(Clusters(seed=4).as_dataset(4, num_batches=2))
    assert set(np.concatenate(by_four)) == set(np.concatenate(whole))
    other = np.concatenate(values(Clusters(seed=5).as_dataset(2, num_batches=4)))
    assert np.isin(other[other % 1 > 0], whole).mean() < 0.01


def test_fit_learns_from_it_and_goes_on_where_it_stopped():
    def fitted(*parts):
        keras.utils.set_random_seed(0)
        learner = compiled(strangers.SparseHead(small_model(), 0.1, 2), learning_rate=0.3)
        losses = []
        for start, steps in parts:
            data = Clusters().as_dataset(8, start=start)
            losses += learner.fit(data, steps_per_epoch=steps, verbose=0).history["loss"]
        return learner, losses

    parts, losses = fitted((0, 20), (20, 20), (40, 20))
    assert losses[2] < 0.93 * losses[0]
    whole, _ = fitted((0, 60))
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
