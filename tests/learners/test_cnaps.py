"""An embedding that each task modulates, with Mahalanobis distances in it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.metrics import frozen_task_values
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.learners import embedding_cases as cases
from tests.quick import quick_first

layers = keras.layers


def body():
    """Maps and vectors, with layers that can be modulated and one that cannot."""
    x = [layers.Conv2D(3, 3, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.01))]
    x += [layers.BatchNormalization(), layers.Activation("tanh"), layers.Flatten()]
    return keras.Sequential([keras.Input((4, 4, 1)), *x, layers.Dense(5)])


def compiled(model=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = body() if model is None else model
    return cases.compiled(learners.CNAPs(model, task_embedding_size=6, units=4, **kwargs))


def shaken(learner, size=0.5):
    """With a hypernetwork that modulates."""
    generator = np.random.default_rng(0)
    for variable in learner.hypernetwork.trainable_variables:
        variable.assign(size * generator.normal(size=variable.shape))
    return learner


def task_of(inputs, number=0):
    return inputs["support_x"][number], inputs["support_y"][number]


def simple_cnaps(support, labels, queries, ways, regularization):
    """Class probabilities by the equations of the paper, in NumPy."""
    covariance = np.cov(support.T)
    logits = []
    for n in range(ways):
        mine = support[labels == n]
        of_class = np.cov(mine.T) if len(mine) > 1 else np.zeros_like(covariance)
        k = len(mine) / (len(mine) + 1)
        q = k * of_class + (1 - k) * covariance + regularization * np.eye(len(covariance))
        difference = queries - mine.mean(0)
        logits.append(-0.5 * np.sum(difference @ np.linalg.inv(q) * difference, 1))
    return tf.nn.softmax(np.stack(logits, 1)).numpy()


# Without modulation.


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0, 1, 2, 2, 2, 2, 1, 0, 1, 0, 0]])
def test_without_modulation_it_is_the_head_on_the_embedding(labels, float64):
    learner = compiled(cases.dense_body(), regularization=0.7)
    inputs, _ = cases.episodes(examples=len(labels))
    inputs["support_y"] = tf.constant([labels] * 3)
    probabilities = tf.nn.softmax(learner.predict(inputs, verbose=0)).numpy()
    for task in range(3):
        support, queries = (
            learner.model.predict(inputs[key][task], verbose=0) for key in ("support_x", "query_x")
        )
        expected = simple_cnaps(support, np.array(labels), queries, 3, 0.7)
        np.testing.assert_allclose(probabilities[task], expected, rtol=1e-9)


def test_with_a_large_regularization_it_is_a_prototypical_network(float64):
    """Half of it, for a covariance that is nearly the identity."""
    model = cases.dense_body()
    learner = compiled(model, regularization=1e6)
    inputs, _ = cases.episodes()
    found = tf.nn.log_softmax(1e6 * learner.predict(inputs, verbose=0))
    other = cases.compiled(learners.PrototypicalNetwork(model))
    expected = tf.nn.log_softmax(0.5 * other.predict(inputs, verbose=0))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


# The modulation.


def test_pre_activations_are_scaled_and_shifted_for_the_task(float64):
    """By what the encoder and the hypernetwork make of the support set."""
    learner = shaken(compiled(cases.dense_body()))
    inputs, _ = cases.episodes()
    x, y = task_of(inputs)
    state = learner.adapt_task(x, y)
    features = learner.model(x)
    task = learner.task_encoder(features, tf.one_hot(y, 3), are_classes=True).task
    modulation = learner.hypernetwork(task[None])[0]
    np.testing.assert_allclose(state["modulation"], modulation, rtol=1e-12)

    gamma, beta = np.split(modulation.numpy(), 2)
    dense = learner.model.layers[-1]

    def embed(x):
        z = tf.reshape(x, [-1, 16]) @ dense.kernel + dense.bias
        return np.tanh((1.0 + gamma) * z + beta)

    expected = simple_cnaps(embed(x), np.array(y), embed(inputs["query_x"][0]), 3, 1.0)
    found = tf.nn.softmax(learner.predict(inputs, verbose=0)[0])
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_tasks_are_modulated_otherwise_whatever_the_order_of_examples_and_classes(float64):
    learner = shaken(compiled(batch_norm="support"))
    inputs, _ = cases.episodes()
    (x, y), other = task_of(inputs), task_of(inputs, 1)
    modulation = learner.adapt_task(x, y)["modulation"]
    assert np.abs(learner.adapt_task(*other)["modulation"] - modulation).max() > 1e-3
    order, classes = np.random.default_rng(0).permutation(6), np.array([2, 0, 1])
    renamed = tf.gather(x, order), tf.constant(classes[y.numpy()[order]])
    np.testing.assert_allclose(learner.adapt_task(*renamed)["modulation"], modulation, atol=1e-12)


@pytest.mark.parametrize(
    "batch_norm", quick_first(["transductive", "running", "task_norm"], ["transductive"])
)
def test_gradient_equals_central_differences(batch_norm, float64):
    learner = shaken(compiled(batch_norm=batch_norm), 0.2)
    if batch_norm == "task_norm":
        learner.statistics.scale.assign([0.1])
    cases.check_gradient(learner)


@pytest.mark.slow
def test_gradient_of_vectorised_tasks(float64):
    learner = shaken(compiled(cases.dense_body(), num_ways=3, task_map="vectorize"), 0.2)
    cases.check_gradient(learner)


def test_a_pre_trained_embedding_may_stay_as_it_is(float64):
    learner = shaken(compiled(learn_embedding=False), 0.2)
    own = {id(v) for v in learner.model.trainable_variables}
    assert not own & {id(v) for v in learner.trainable_variables + learner.trainable_weights}
    tasks = Episode(*cases.episodes())
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(tasks)
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(tasks)[1].loss), variables, direction
    )
    np.testing.assert_allclose(finite_differences.dot(gradients, direction), expected, rtol=1e-6)
    before = learner.model.get_weights()
    learner.train_step(cases.episodes())
    for a, b in zip(learner.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_running_statistics_move_by_the_modulated_pass():
    learner = shaken(compiled(batch_norm="running"))
    (norm,) = learner.functional.batch_normalizations
    inputs, y = cases.episodes(tasks=1)
    # What the convolution gives is not modulated, and so are the moments of all examples of a task.
    outputs = learner.model.layers[0](
        tf.concat([inputs["support_x"][0], inputs["query_x"][0]], 0)
    ).numpy()
    learner.train_step((inputs, y))
    expected = 0.01 * outputs.mean((0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-4, atol=1e-6)
    predictions = learner(inputs)
    first = {**inputs, "query_x": inputs["query_x"][:, :1]}
    np.testing.assert_allclose(learner(first), predictions[:, :1], atol=1e-4)


# What it shares with the family.


@pytest.mark.slow
def test_other_ways_and_shots_at_test(tmp_path):
    cases.check_open_ways(shaken(compiled(), 0.1), tmp_path)


@pytest.mark.parametrize(
    "batch_norm", quick_first(["transductive", "support", "running", "task_norm"], ["support"])
)
def test_the_adapted_model_predicts_the_same(batch_norm, tmp_path):
    cases.check_adapted_model(shaken(compiled(batch_norm=batch_norm), 0.1), tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(shaken(compiled(num_ways=4), 0.1))


def test_a_task_keeps_the_modulation_and_the_head():
    learner = compiled()
    inputs, _ = cases.episodes()
    state = learner.adapt_task(*task_of(inputs))
    assert sorted(state) == ["head", "modulation", "statistics"] and not state["statistics"]
    # Scales and shifts of a normalisation layer of 3 channels and a dense layer of 5.
    assert state["modulation"].shape == (16,)
    assert [tuple(x.shape) for x in state["head"]] == [(3, 5), (3, 5, 5), (3,)]


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="No layer of the body can be modulated"):
        flat = [layers.Flatten(), layers.Dense(4, use_bias=False)]
        compiled(keras.Sequential([keras.Input((4, 4, 1)), *flat]))
    with pytest.raises(ValueError, match="`regularization` must be a number > 0"):
        compiled(regularization=0.0)
    with pytest.raises(ValueError, match="must embed an example as a vector"):
        compiled(cases.map_body())
    with pytest.raises(TypeError, match="depends on its task.* Received: CNAPs"):
        compiled().embed(tf.zeros([1, 4, 4, 1]))


def test_its_embedding_is_not_frozen():
    import keras_meta

    x = np.random.default_rng(0).normal(size=(30, 4, 4, 1)).astype("float32")
    tasks = keras_meta.episodes.EpisodeSampler(x, np.repeat(np.arange(3), 10), 3, 1, 2)
    with pytest.raises(TypeError, match="Use `metrics.task_values`"):
        frozen_task_values(compiled(batch_norm="running"), tasks, num_tasks=2)
