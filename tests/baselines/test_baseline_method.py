"""What every baseline does with the tasks of a dataset."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.baselines import BaselineMethod, FineTuning, NearestCentroid, choose
from keras_meta.networks import embedding

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 3, (6, 4))
SUPPORT_X = GENERATOR.normal(size=(6, 2, 1)).astype("float32")


class Constant(BaselineMethod):
    """Predicts the class 0, and then the class of the largest support example, for all queries."""

    settings = ["zero", "one"]

    def __init__(self, classes=(0, 1)):
        super().__init__()
        self.classes, self.traces, self.losses = classes, 0, []

    def predictions(self, inputs, loss):
        self.traces += 1
        self.losses.append(loss)
        queries = tf.shape(inputs["query_x"])[0]
        return tf.stack([tf.repeat(tf.one_hot([c], 3), queries, 0) for c in self.classes])


class MeanOfSupport(BaselineMethod):
    """A regression: the mean of the support targets, and twice that."""

    settings = ["mean", "twice"]

    def predictions(self, inputs, loss):
        mean = tf.reduce_mean(inputs["support_y"], 0, keepdims=True)
        mean = tf.repeat(mean, tf.shape(inputs["query_x"])[0], 0)
        return tf.stack([mean, 2.0 * mean])


def dataset(inputs, query_y, batch_size=3):
    return tf.data.Dataset.from_tensor_slices((inputs, query_y)).batch(batch_size)


def classes(**masks):
    inputs = {"support_x": SUPPORT_X, "support_y": SUPPORT_X[..., 0], **masks}
    return dataset({**inputs, "query_x": LABELS[..., None].astype("float32")}, LABELS)


def test_accuracy_of_each_task_in_each_setting():
    values = Constant().task_values(classes(), "accuracy")
    np.testing.assert_allclose(values, np.stack([(LABELS == c).mean(1) for c in (0, 1)], 1))


def test_squared_error_of_each_task_in_each_setting():
    inputs = {"support_x": SUPPORT_X, "support_y": SUPPORT_X, "query_x": np.zeros((6, 4, 1))}
    targets = GENERATOR.normal(size=(6, 4, 1)).astype("float32")
    values = MeanOfSupport().task_values(dataset(inputs, targets), "mse")
    mean = SUPPORT_X.mean(1, keepdims=True)
    expected = [((targets - factor * mean) ** 2).mean((1, 2)) for factor in (1.0, 2.0)]
    np.testing.assert_allclose(values, np.stack(expected, 1), rtol=1e-5)


def test_queries_that_are_padding_do_not_count():
    mask = np.array([[1, 1, 0, 0]] * 3 + [[1, 1, 1, 0]] * 3, "int32")
    values = Constant().task_values(classes(query_mask=mask), "accuracy")
    right = np.stack([LABELS == c for c in (0, 1)], 1)
    expected = (right * mask[:, None]).sum(-1) / mask.sum(-1, keepdims=True)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_the_loss_reaches_the_baseline_and_each_graph_is_traced_once():
    method = Constant()
    first = method.task_values(classes(), "accuracy", "mse")
    traces = method.traces
    np.testing.assert_array_equal(method.task_values(classes(), "accuracy", "mse"), first)
    assert method.traces == traces and set(method.losses) == {"mse"}
    method.task_values(classes(), "accuracy", "mae")
    assert set(method.losses) == {"mse", "mae"}


def test_the_best_setting_has_the_best_mean():
    best = int(np.argmax(np.bincount(LABELS.ravel(), minlength=3)))
    methods = [Constant((c, d)) for c, d in ((0, 1), (1, 2), (2, 0))]
    method, position = choose(methods, classes(), "accuracy")
    assert method.classes[position] == best
    assert choose(methods[0], classes(), "accuracy")[0] is methods[0]


def test_of_an_error_the_smallest_is_best_and_nan_never_is():
    inputs = {"support_x": SUPPORT_X, "support_y": SUPPORT_X, "query_x": SUPPORT_X}
    target = np.repeat(2.0 * SUPPORT_X.mean(1, keepdims=True), 2, 1)

    class Diverged(MeanOfSupport):
        def predictions(self, inputs, loss):
            return float("nan") * super().predictions(inputs, loss)

    method = MeanOfSupport()
    for candidates in ([method, Diverged()], [Diverged(), method]):
        assert choose(candidates, dataset(inputs, target), "mse") == (method, 1)


@pytest.mark.parametrize(
    "action", [lambda b: b.settings, lambda b: b.predictions({}, None)], ids=["settings", "both"]
)
def test_a_subclass_must_define_both(action):
    with pytest.raises(NotImplementedError, match="BaselineMethod must define"):
        action(BaselineMethod())


def test_a_model_that_loses_the_number_of_examples():
    """As a vocabulary of Keras does."""
    layers = keras.layers
    words = layers.TextVectorization(vocabulary=["a", "b", "c"])
    body = [words, layers.Embedding(5, 4, mask_zero=True), layers.LSTM(4), layers.Dense(3)]
    model = keras.Sequential([keras.Input((), dtype="string"), *body])
    x, y = np.array([["a", "b b", "c a"]] * 2), np.array([[0, 1, 2]] * 2)
    inputs = {"support_x": x, "support_y": y, "query_x": x}
    episodes = tf.data.Dataset.from_tensor_slices((inputs, y)).batch(2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    tuned = FineTuning(model, 0.01, steps=(1, 3)).task_values(episodes, "accuracy", loss)
    assert tuned.shape == (2, 2)
    centroid = NearestCentroid(embedding(model)).task_values(episodes, "accuracy")
    np.testing.assert_array_equal(centroid, np.ones((2, 2)))
