"""The adaptation curve."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.metrics import AdaptationCurve, adaptation_curve
from tests.metrics.stand_in import StandIn

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(3, 2, 4, 5)).astype("float32")  # steps, tasks, queries, ways
LABELS = GENERATOR.integers(0, 5, (2, 4))


def dataset(y, **masks):
    inputs = {"task": np.arange(len(y)), **masks}
    return tf.data.Dataset.from_tensor_slices((inputs, y)).batch(1)


@pytest.mark.parametrize("steps", [None, 1])
def test_values_of_each_task_after_each_step(steps):
    learner = StandIn(LOGITS)
    curve = adaptation_curve(learner, dataset(LABELS), steps=steps)
    expected = (LOGITS.argmax(-1) == LABELS).mean(-1).T  # [tasks, steps + 1]
    np.testing.assert_allclose(curve.values, expected[:, : 3 if steps is None else 2])
    assert (curve.metric, curve.batch_norm, curve.num_queries) == ("accuracy", "support", 4)
    assert learner.keys == [("by_step", "accuracy", steps)]


def test_queries_that_are_padding_do_not_count():
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], "int32")
    curve = adaptation_curve(StandIn(LOGITS), dataset(LABELS, query_mask=mask))
    right = LOGITS.argmax(-1) == LABELS
    np.testing.assert_allclose(curve.values[0], right[:, 0, :2].mean(-1))
    np.testing.assert_allclose(curve.values[1], right[:, 1, :3].mean(-1))


def test_it_is_printed_with_what_a_reader_must_know():
    curve = AdaptationCurve(np.array([[0.2, 0.5], [0.4, 0.5]]), "accuracy", "transductive", 15)
    assert str(curve).splitlines() == [
        "accuracy over 2 tasks of 15 queries, batch_norm=transductive, 95 % interval over tasks",
        "  after  0 steps  0.3000 +- 0.1960",
        "  after  1 steps  0.5000 +- 0.0000",
    ]
    in_one_pass = AdaptationCurve(np.array([[0.2], [0.4]]), "accuracy", "support", 15)
    assert str(in_one_pass).splitlines()[1:] == ["  0.3000 +- 0.1960"]


def test_an_infinite_dataset_has_no_curve():
    with pytest.raises(ValueError, match="needs a finite dataset"):
        adaptation_curve(StandIn(LOGITS), dataset(LABELS).repeat())


def test_each_step_is_what_evaluate_says_of_that_many_steps():
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(units=(8,)), 0.05)
    for variable in learner.trainable_variables:
        variable.assign(keras.random.normal(variable.shape, seed=1))
    learner.compile("adam", "mse")
    episodes = keras_meta.episodes.Sinusoid().as_dataset(5, num_batches=2)
    curve = adaptation_curve(learner, episodes, metric="mse", steps=2)
    assert curve.values.shape == (10, 3) and curve.num_queries == 10
    assert len(set(curve.mean)) == 3
    for steps in range(3):
        learner.eval_inner_steps = steps
        expected = learner.evaluate(episodes, verbose=0)
        assert curve.mean[steps] == pytest.approx(expected, rel=1e-5)


def test_a_learner_without_inner_steps_has_one_point():
    learner = keras_meta.learners.PrototypicalNetwork(
        keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    )
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.repeat(np.arange(4), 5)
    tasks = keras_meta.episodes.EpisodeSampler(x.astype("float32"), y, 2, 1, 3)
    episodes = tasks.as_dataset(2, num_batches=2)
    curve = adaptation_curve(learner, episodes)
    np.testing.assert_allclose(
        curve.values[:, 0], keras_meta.metrics.task_values(learner, episodes)
    )
    assert curve.values.shape == (4, 1)
    with pytest.raises(ValueError, match="in one pass, without inner steps"):
        adaptation_curve(learner, episodes, steps=2)
