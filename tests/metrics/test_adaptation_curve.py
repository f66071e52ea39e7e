"""The adaptation curve and its interval."""

import keras
import numpy as np
import pytest

import keras_meta
from keras_meta.metrics import adaptation_curve, task_interval


def test_interval_is_that_of_the_textbook():
    values = np.array([0.2, 0.4, 0.9, 0.5])
    mean, half_width = task_interval(values)
    assert mean == pytest.approx(0.5)
    assert half_width == pytest.approx(1.96 * np.sqrt(0.26 / 3) / 2)


def test_each_step_is_what_evaluate_says_of_that_many_steps():
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid()
    learner.fit(waves.as_dataset(25), steps_per_epoch=300, verbose=0)
    episodes = waves.as_dataset(5, num_batches=2)
    curve = adaptation_curve(learner, episodes, metric="mse", steps=2)
    assert curve.values.shape == (10, 3) and curve.num_queries == 10
    for steps in range(3):
        learner.eval_inner_steps = steps
        expected = learner.evaluate(episodes, verbose=0)
        assert curve.mean[steps] == pytest.approx(expected, rel=1e-5)
    assert "batch_norm=transductive" in str(curve)


def test_a_learner_without_inner_steps_has_one_point():
    waves = keras_meta.episodes.StrokeGlyphs(2, 1, 2, num_classes=5)
    learner = keras_meta.learners.PrototypicalNetwork(keras_meta.networks.Conv4(8, filters=4))
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    episodes = waves.as_dataset(2, num_batches=2)
    assert keras_meta.metrics.adaptation_curve(learner, episodes).values.shape == (4, 1)
    with pytest.raises(ValueError, match="in one pass, without inner steps"):
        keras_meta.metrics.adaptation_curve(learner, episodes, steps=2)
