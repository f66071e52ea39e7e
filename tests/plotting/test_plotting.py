import sys

import keras
import numpy as np
import pytest

from keras_meta import episodes, learners, networks, plotting

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def test_adaptation_curves():
    values = np.random.default_rng(0).uniform(size=[30, 4])
    curves = {"short": ((0, 1, 2, 3), values), "long": ((0, 1, 10, 100), values)}
    (axes,) = plotting.adaptation(curves, "Noise: value").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["short", "long"]
    assert axes.get_ylabel() == "value" and axes.get_xscale() == "symlog"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), values.mean(axis=0))
    assert len(axes.collections) == 2


def test_waves_before_and_after():
    learner = learners.MAML(networks.SinusoidMLP(units=(8,)))
    learner.compile("adam", "mse")
    drawing = plotting.waves(learner, *episodes.Sinusoid().sample(0, 2), steps=2)
    assert len(drawing.axes) == 2
    labels = drawing.axes[0].get_legend_handles_labels()[1]
    assert labels[:3] == ["before adaptation", "after 1 step", "after 2 steps"]


def test_an_episode_with_its_predictions(tmp_path):
    learner = learners.MAML(networks.Conv4(2, filters=2))
    learner.compile("adam", LOSS)
    glyphs = episodes.StrokeGlyphs(2, 1, 3, num_classes=3, examples_per_class=4)
    drawing = plotting.episode(learner, *glyphs.sample(0, 1))
    assert sum(len(axes.images) for axes in drawing.axes) == 2 * (1 + 3)
    assert drawing.axes[0].get_title() == "class 0"
    drawing.savefig(tmp_path / "episode.png")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "keras-meta\[plots\]"'):
        plotting.figure((1, 1))
