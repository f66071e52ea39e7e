"""Moments of the support set, blended with those of each example."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import generators, learners
from keras_meta.inner_loop.rules import Normalization
from keras_meta.outer_loop.episode import Episode
from keras_meta.statistics import TaskNorm
from tests import finite_differences
from tests.learners import embedding_cases as cases
from tests.quick import slow

layers = keras.layers


def classifier():
    """Two normalisation layers: one of maps, one of vectors."""
    x = [layers.Conv2D(3, 3, use_bias=False), layers.BatchNormalization(), layers.Flatten()]
    x += [layers.Activation("tanh"), layers.Dense(5, use_bias=False), layers.BatchNormalization()]
    return keras.Sequential([keras.Input((4, 4, 1)), *x, layers.Dense(3)])


def compiled(kind=learners.MAML, *args, **kwargs):
    keras.utils.set_random_seed(0)
    kwargs = {"batch_norm": "task_norm", **kwargs}
    if kind is learners.MAML:
        args = args or (0.1, 2)
    return cases.compiled(kind(classifier(), *args, **kwargs))


def at_work(x, mask=None, **kwargs):
    layer = layers.BatchNormalization(**kwargs)
    layer.build(x.shape)
    layer.gamma.assign([1.5, 0.5, -1.0])
    layer.beta.assign([0.1, 0.2, 0.3])
    return Normalization(layer, 0, x, mask, layer.gamma.value, layer.beta.value)


def set_blend(learner, value):
    """The same blend in all layers, whatever the size of the support set."""
    logit = {0.0: -1000.0, 1.0: 1000.0}.get(value) or np.log(value / (1.0 - value))
    learner.statistics.offset.assign(tf.fill(learner.statistics.offset.shape, logit))


# The formula.


@pytest.mark.parametrize("example_moments", ["instance", "layer"])
@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 7, 3), (6, 3)])
def test_pooled_moments_are_those_of_the_mixture(example_moments, shape, float64):
    """Of the support set's distribution with weight `a` and the example's with the rest."""
    x = np.random.default_rng(0).normal(1.0, 2.0, size=shape)
    normalization = at_work(tf.constant(x))
    axes = tuple(range(1, len(shape) - (example_moments == "instance")))
    mean_s, variance_s = np.array([0.3, -0.1, 0.2]), np.array([2.0, 0.7, 1.1])
    mean_x, variance_x = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    a = 0.3
    mean = a * mean_s + (1 - a) * mean_x
    second = a * (variance_s + mean_s**2) + (1 - a) * (variance_x + mean_x**2)
    expected = (x - mean) / np.sqrt(second - mean**2 + 1e-3)
    expected = expected * [1.5, 0.5, -1.0] + [0.1, 0.2, 0.3]
    task = tf.constant(mean_s), tf.constant(variance_s)
    found = TaskNorm(example_moments).pooled(normalization, task, tf.constant([a], "float64"))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_masked_positions_count_nowhere(float64):
    """As if each sequence were as long as its mask says."""
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 3)))
    mask = tf.constant([[True] * 3 + [False] * 2, [True] * 5])
    task = tf.zeros([3], "float64"), tf.ones([3], "float64")
    blend = tf.constant([0.4], "float64")
    found = TaskNorm().pooled(at_work(x, mask), task, blend)
    for example, length in ((0, 3), (1, 5)):
        alone = at_work(x[example : example + 1, :length])
        expected = TaskNorm().pooled(alone, task, blend)[0]
        np.testing.assert_allclose(found[example, :length], expected, rtol=1e-12)


def test_blend_grows_with_the_support_set():
    learner = compiled()
    assert learner.statistics.scale.shape == (2,)
    learner.statistics.scale.assign([0.1, 0.0])
    learner.statistics.offset.assign([-1.0, 0.5])
    for size in (1, 10, 25):
        expected = 1.0 / (1.0 + np.exp([1.0 - 0.1 * size, -0.5]))
        np.testing.assert_allclose(learner.statistics.blend(size), expected, rtol=1e-6)


# Its ends.


@pytest.mark.parametrize("kind", [learners.MAML, learners.PrototypicalNetwork])
def test_with_a_blend_of_one_it_is_support(kind, float64):
    learner, other = compiled(kind), compiled(kind, batch_norm="support")
    set_blend(learner, 1.0)
    batch = cases.episodes()
    np.testing.assert_allclose(learner(batch[0]), other(batch[0]), rtol=1e-9)
    gradients, _ = learner.meta_gradients(Episode(*batch))
    expected, _ = other.meta_gradients(Episode(*batch))
    for a, b in zip(gradients, expected, strict=False):  # without the blend's own
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize("example_moments", ["instance", "layer"])
def test_with_a_blend_of_zero_it_is_the_norm_of_examples(example_moments, float64):
    """Which stock `GroupNormalization` has with a group for each channel, or with one."""
    groups = {"instance": -1, "layer": 1}[example_moments]

    def model(norm):
        keras.utils.set_random_seed(0)
        x = [layers.Conv2D(3, 2, use_bias=False), norm, layers.Activation("tanh")]
        return keras.Sequential([keras.Input((4, 4, 1)), *x, layers.Flatten(), layers.Dense(3)])

    policy = TaskNorm(example_moments)
    learner = learners.MAML(model(layers.BatchNormalization()), 0.1, 2, batch_norm=policy)
    set_blend(cases.compiled(learner), 0.0)
    stock = layers.GroupNormalization(groups, epsilon=1e-3)
    other = cases.compiled(learners.MAML(model(stock), 0.1, 2))
    inputs, _ = cases.episodes()
    expected = other.predict(inputs, verbose=0)
    np.testing.assert_allclose(learner.predict(inputs, verbose=0), expected, rtol=1e-9)


# Derivatives.


def check_gradient(learner):
    """With a blend that is another in each layer, and a support set of 6."""
    generator = np.random.default_rng(0)
    for variable, size in ((learner.statistics.scale, 0.1), (learner.statistics.offset, 1.0)):
        variable.assign(size * generator.normal(size=variable.shape))
    tasks = Episode(*cases.episodes())
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(tasks)
    variables = learner.trainable_variables
    learned = dict(zip(map(id, variables), gradients, strict=True))
    assert all(np.all(learned[id(v)]) for v in learner.statistics.learned_variables)
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(tasks)[1].loss), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("options", [{}, slow({"checkpoint_steps": True})])
def test_gradient_of_maml_equals_central_differences(options, float64):
    check_gradient(compiled(**options))


def test_gradient_of_layer_moments_equals_central_differences(float64):
    check_gradient(compiled(batch_norm=TaskNorm("layer")))


def test_gradient_of_prototypes_equals_central_differences(float64):
    check_gradient(compiled(learners.PrototypicalNetwork))


def test_gradient_through_a_generated_network_equals_central_differences(float64):
    """Which has normalisation layers of its own."""
    keras.utils.set_random_seed(0)
    generated = generators.NeuralNetwork(classifier(), units=4)
    learner = learners.LearnerGenerator(
        classifier(), generated, 4, inner_steps=1, inner_learning_rate=0.1, batch_norm="task_norm"
    )
    assert learner.statistics.scale.shape == (4,)
    check_gradient(cases.compiled(learner))


@pytest.mark.slow
def test_the_implicit_gradient_has_the_blend_in_it(float64):
    """Equal to the unrolled one at a minimum."""
    options = {"adapted_weights": "head", "regularization": 2.0, "cg_steps": 40}

    class Unrolled(learners.ImplicitMAML):
        adapt_task = learners.MAML.adapt_task

    tasks = Episode(*cases.episodes(tasks=2))
    actual, expected = (
        compiled(kind, 0.3, 40, **options).meta_gradients(tasks)[0]
        for kind in (learners.ImplicitMAML, Unrolled)
    )
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, 0.0 if b is None else b, rtol=0, atol=1e-7)


# What a task keeps.


def test_each_query_is_predicted_on_its_own():
    learner = compiled()
    inputs, _ = cases.episodes()
    predictions = learner(inputs)
    first = {**inputs, "query_x": inputs["query_x"][:, :1]}
    np.testing.assert_allclose(learner(first), predictions[:, :1], atol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """Subclassed: a copy of it names its normalisation layers anew."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.body = [layers.Flatten(), layers.Dense(4), layers.BatchNormalization()]
        self.head = [layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)]

    def call(self, x):
        for layer in (*self.body, *self.head):
            x = layer(x)
        return x


@pytest.mark.parametrize(
    "kind, example_moments",
    [
        (learners.MAML, "instance"),
        slow(learners.MAML, "layer"),
        slow(learners.PrototypicalNetwork, "instance"),
        slow(learners.PrototypicalNetwork, "layer"),
    ],
)
def test_the_adapted_model_predicts_the_same(kind, example_moments, tmp_path):
    learner = compiled(kind, batch_norm=TaskNorm(example_moments))
    learner.statistics.offset.assign([2.0, -1.0])
    cases.check_adapted_model(learner, tmp_path)


def test_the_adapted_model_of_a_subclassed_model():
    own = Own()
    own(tf.zeros([1, 4, 4, 1]))
    learner = cases.compiled(learners.MAML(own, 0.1, batch_norm="task_norm"))
    learner.statistics.offset.assign([2.0, -1.0])
    inputs, _ = cases.episodes()
    model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    queries = inputs["query_x"][0]
    expected = learner(inputs)[0]
    np.testing.assert_allclose(model(queries), expected, atol=1e-5)
    # It has the blend of its task, and not the weights that it comes of.
    learner.statistics.offset.assign([0.0, 0.0])
    np.testing.assert_allclose(model(queries), expected, atol=1e-5)


def test_the_adapted_model_of_a_generated_network():
    """A part of what its generator normalises."""
    generated = generators.FiLM(classifier(), units=4)
    learner = cases.compiled(
        learners.LearnerGenerator(classifier(), generated, 4, batch_norm="task_norm")
    )
    learner.statistics.offset.assign([3.0, 1.0, -1.0, -3.0])
    inputs, _ = cases.episodes()
    model = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    np.testing.assert_allclose(model.state["blend"], 1 / (1 + np.exp([1.0, 3.0])), rtol=1e-5)
    expected = learner(inputs)[0]
    np.testing.assert_allclose(model(inputs["query_x"][0]), expected, atol=1e-5)


def test_it_is_saved_with_its_weights(tmp_path):
    learner = compiled(batch_norm=TaskNorm("layer"))
    learner.train_step(cases.episodes())
    assert np.all(learner.statistics.offset.numpy())
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert loaded.statistics.example_moments == "layer"
    inputs, _ = cases.episodes()
    np.testing.assert_array_equal(loaded(inputs), learner(inputs))


@pytest.mark.slow
def test_a_server_learns_tasks_by_it(tmp_path):
    learner = compiled()
    learner.fit(*cases.episodes(), batch_size=3, verbose=0)
    learner.export(tmp_path / "serving", verbose=False)
    ends = tf.saved_model.load(str(tmp_path / "serving")).signatures
    inputs, _ = cases.episodes(examples=9, queries=4)
    expected = learner.predict(inputs, verbose=0)
    np.testing.assert_allclose(ends["serve"](**inputs)["predictions"], expected, atol=1e-5)
    state = ends["adapt"](support_x=inputs["support_x"][0], support_y=inputs["support_y"][0])
    assert state["blend"].shape == (2,)
    served = ends["predict"](query_x=inputs["query_x"][0], **state)["predictions"]
    np.testing.assert_allclose(served, expected[0], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [learners.ANIL, learners.PrototypicalNetwork])
def test_it_learns_in_the_interpreter_of_litert(kind, tmp_path):
    args = (0.1, 2) if kind is learners.ANIL else ("euclidean", 3)
    model = keras_meta.networks.Conv4(3, (16, 16, 1), 4)
    learner = cases.compiled(kind(model, *args, batch_norm="task_norm"))
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 6, 16, 16, 1)).astype("float32")
    inputs = {"support_x": x, "support_y": np.arange(6, dtype="int32")[None] % 3, "query_x": x + 1}
    expected = learner.predict(inputs, verbose=0)[0]
    file = tmp_path / "learner.tflite"
    learner.export(file, format="litert", verbose=False, support_size=6, query_size=6)
    interpreter = tf.lite.Interpreter(str(file))
    state = interpreter.get_signature_runner("adapt")(
        support_x=inputs["support_x"][0], support_y=inputs["support_y"][0]
    )
    predict = interpreter.get_signature_runner("predict")
    found = predict(query_x=inputs["query_x"][0], **state)["predictions"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_padding_counts_nowhere(float64):
    learner = compiled()
    learner.statistics.scale.assign([0.3, -0.2])  # so that the size of a support set matters
    batch = Episode(*cases.episodes(examples=3, queries=3))
    gradients, outcome = learner.meta_gradients(batch)
    expected, without = learner.meta_gradients(cases.padded(batch, 5))
    np.testing.assert_allclose(outcome.loss, without.loss, rtol=1e-12)
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


def test_loop_and_vectorised_tasks_agree():
    def dense():
        keras.utils.set_random_seed(0)
        x = [layers.Flatten(), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)]
        return keras.Sequential([keras.Input((4, 4, 1)), *x])

    tasks = Episode(*cases.episodes())
    results = []
    for task_map in ("loop", "vectorize"):
        learner = learners.MAML(dense(), 0.1, batch_norm="task_norm", task_map=task_map)
        results.append(tf.function(cases.compiled(learner).meta_gradients)(tasks)[0])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_model_without_normalisation_needs_nothing_of_it():
    learner = cases.compiled(learners.MAML(cases.dense_body(), 0.1, batch_norm="task_norm"))
    assert not learner.statistics.learned_variables
    inputs, y = cases.episodes()
    learner.fit(inputs, y, batch_size=3, verbose=0)
    assert "blend" not in learner.adapt_task(inputs["support_x"][0], inputs["support_y"][0])


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="must be one of .*Received: example_moments='group'"):
        TaskNorm("group")
    policy = TaskNorm()
    compiled(batch_norm=policy)
    with pytest.raises(ValueError, match="belongs to one learner.* already in use"):
        compiled(batch_norm=policy)
