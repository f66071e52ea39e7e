"""Tasks with different numbers of ways in one batch, and masks that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import baselines, episodes, generators, learners, metrics
from tests.quick import quick_first


def body():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "tanh")])


def compiled(kind, **kwargs):
    keras.utils.set_random_seed(0)
    learner = kind(**kwargs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return learner


def varied(batch_size, num_batches=None):
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(8), 20)
    x = generator.normal(size=(160, 3)).astype("float32") + y[:, None]
    source = episodes.VariedEpisodeSampler(x, y, 2, 5, max_queries=3, max_shots=4)
    return source.as_dataset(batch_size, num_batches)


OPEN = {
    "prototypes": lambda: learners.PrototypicalNetwork(body()),
    "ProtoMAML": lambda: learners.ProtoMAML(body(), 0.1),
    "generator": lambda: learners.LearnerGenerator(
        body(), generators.LogisticRegression(units=8), task_embedding_size=8
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_ways_may_differ_inside_a_batch(name):
    learner = compiled(OPEN[name])
    inputs, y = next(iter(varied(6)))
    ways = [int(tf.reduce_max(row)) + 1 for row in y]
    assert len(set(ways)) > 1
    predictions = learner(inputs).numpy()
    assert predictions.shape == (*y.shape, max(ways))
    for task, num_ways in enumerate(ways):
        alone = {
            key: tf.boolean_mask(inputs[key][task], inputs[key[:-2] + "_mask"][task] == 1)[None]
            for key in ("support_x", "support_y", "query_x")
        }
        mask = inputs["query_mask"][task].numpy() == 1
        np.testing.assert_allclose(
            predictions[task, mask, :num_ways], learner(alone)[0], rtol=1e-4, atol=1e-5
        )
        assert (predictions[task, mask].argmax(-1) < num_ways).all()


def test_generated_regressions_are_fitted_to_tasks_of_unequal_size():
    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(8, "tanh")])
    learner = learners.LearnerGenerator(features, generators.LinearRegression(units=8))
    learner.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(2, 4, 1)).astype("float32")
    real = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    inputs = {"support_x": x, "support_y": x, "support_mask": real, "query_x": x}
    expected = [learner({k: v[i : i + 1] for k, v in inputs.items()})[0] for i in range(2)]
    np.testing.assert_allclose(learner.predict(inputs, verbose=0), expected, atol=1e-6)
    tasks = tf.data.Dataset.from_tensors((inputs, x))
    losses = learner.fit(tasks.repeat(), steps_per_epoch=10, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_metrics_leave_padding_out():
    """A metric of a task is the mean over its own queries, for learners and for baselines."""
    learner = compiled(OPEN["prototypes"])
    features = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    baseline = baselines.NearestCentroid(features)
    dataset = varied(3, 2)
    expected, expected_of_baseline, padded = [], [], 0
    for inputs, y in dataset:
        for task in range(3):
            alone = {
                key: tf.boolean_mask(inputs[key][task], inputs[key[:-2] + "_mask"][task] == 1)[None]
                for key in ("support_x", "support_y", "query_x")
            }
            alone_y = tf.boolean_mask(y[task], inputs["query_mask"][task] == 1)[None]
            padded += alone_y.shape[1] < y.shape[1]
            expected.append(np.mean(np.argmax(learner(alone), -1) == alone_y))
            batch = tf.data.Dataset.from_tensors((alone, alone_y))
            expected_of_baseline.append(baseline.task_values(batch, "accuracy")[0])
    assert padded and 0 < np.mean(expected) < 1
    np.testing.assert_allclose(metrics.task_values(learner, dataset), expected, atol=1e-6)
    curve = metrics.adaptation_curve(learner, dataset)
    np.testing.assert_allclose(curve.values[:, 0], expected, atol=1e-6)
    found = baseline.task_values(dataset, "accuracy")
    np.testing.assert_allclose(found, expected_of_baseline, atol=1e-6)


@pytest.mark.parametrize("name", quick_first(OPEN, ["prototypes"]))
def test_fit_and_evaluate(name):
    learner = compiled(OPEN[name])
    history = learner.fit(varied(4), steps_per_epoch=10, epochs=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(learner.evaluate(varied(4, 3), verbose=0)).all()


@pytest.mark.slow
def test_two_replicas_take_masks():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )
    data = varied(4, 1).repeat()
    weights = []
    for scope in (strategy.scope(), tf.distribute.get_strategy().scope()):
        with scope:
            learner = compiled(OPEN["prototypes"])
        learner.fit(data, steps_per_epoch=2, verbose=0)
        weights.append(learner.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_check_and_export_take_what_was_fitted_with_masks(tmp_path):
    learner = compiled(OPEN["prototypes"])
    batch = next(iter(varied(4)))
    assert "none" in str(learner.check(batch))
    learner.export(tmp_path / "serving", verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "serving")).signatures["serve"]
    assert set(serve.structured_input_signature[1]) == {"support_x", "support_y", "query_x"}


def inputs_with(**changes):
    inputs, y = next(iter(varied(2)))
    return {**inputs, **changes}, y


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"support_mask": tf.ones((2, 3), tf.bool)}, "`support_mask` must have one boolean value"),
        ({"query_mask": tf.ones((2,), tf.bool)}, "`query_mask` must have one boolean value"),
        ({"support_mask": tf.zeros((2, 20), tf.bool)}, "leaves a task without examples"),
        ({"mask": tf.zeros((2, 20), tf.bool)}, r"unknown: \['mask'\]"),
    ],
)
def test_bad_masks(changes, message):
    learner = compiled(OPEN["prototypes"])
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        learner(inputs_with(**changes)[0])


def test_vectorised_tasks_cannot_be_padded():
    learner = compiled(lambda: learners.MAML(body(), 0.1, task_map="vectorize"))
    with pytest.raises(ValueError, match="Tasks of unequal size are not vectorised"):
        learner(inputs_with()[0])
