"""The adaptation curve in the logs of `fit`, and its plot."""

import csv
import sys

import keras
import pytest

import keras_meta
from keras_meta.callbacks import AdaptationCurveLogger


def waves(batches=2):
    return keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(10, num_batches=batches)


def fit(callbacks, epochs=4):
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(units=(8,)), 0.01, 2)
    learner.compile("adam", "mse")
    data = waves().repeat()
    return learner, learner.fit(
        data, steps_per_epoch=2, epochs=epochs, verbose=0, callbacks=callbacks
    )


def test_values_are_those_of_the_curve_and_reach_later_callbacks(tmp_path):
    before, after = (keras.callbacks.CSVLogger(tmp_path / f"{x}.csv") for x in "ab")
    learner, history = fit([before, AdaptationCurveLogger(waves(), "mse", frequency=3), after])
    names = [f"val_mse_after_{step}_steps" for step in range(3)]
    expected = keras_meta.metrics.adaptation_curve(learner, waves(), "mse").mean
    # Epochs 1 and 4 of 4: the last values are those of the learner as it is now.
    assert [history.history[name][-1] for name in names] == pytest.approx(list(expected))
    assert all(len(history.history[name]) == 2 for name in names)
    rows = {x: list(csv.DictReader((tmp_path / f"{x}.csv").read_text().splitlines())) for x in "ab"}
    assert not set(names) & set(rows["a"][0])
    assert [row[names[2]] == "NA" for row in rows["b"]] == [False, True, True, False]
    assert float(rows["b"][3][names[2]]) == pytest.approx(expected[2])


def test_early_stopping_follows_it():
    curve = AdaptationCurveLogger(waves(), lambda y, y_pred: 0.0 * y_pred)
    stop = keras.callbacks.EarlyStopping("val_<lambda>_after_1_steps", mode="min", patience=2)
    _, history = fit([curve, stop], epochs=9)
    assert len(history.epoch) == 3


def test_the_graph_is_traced_once():
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(units=(8,)), 0.01, 2)
    learner.compile("adam", "mse")
    traces = []
    original = learner.predict_by_step
    learner.predict_by_step = lambda *args: (traces.append(1), original(*args))[1]
    first = keras_meta.metrics.adaptation_curve(learner, waves(), "mse").mean
    for _ in range(2):
        keras_meta.metrics.adaptation_curve(learner, waves(), "mse")
    assert len(traces) == 1
    # ... and anew where the inner loss is another.
    learner.compile("adam", "mae")
    assert keras_meta.metrics.adaptation_curve(learner, waves(), "mse").mean[2] != first[2]


def test_plots_by_epoch(tmp_path, monkeypatch):
    drawn = []
    original = keras_meta.plotting.adaptation
    monkeypatch.setattr(
        keras_meta.plotting, "adaptation", lambda *a, **k: drawn.append(a[0]) or original(*a, **k)
    )
    curve = AdaptationCurveLogger(waves(), "mse", filepath=tmp_path / "plots" / "{epoch:02d}.png")
    fit([curve], epochs=3)
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == ["01.png", "02.png", "03.png"]
    assert [list(curves) for curves in drawn] == [
        ["epoch 1"],
        ["epoch 1", "epoch 2"],
        ["epoch 1", "epoch 3"],
    ]


def test_mistakes_are_reported_before_training(monkeypatch):
    for arguments, message in (
        ({"frequency": 0}, "Received: frequency=0"),
        ({"metric": "f1"}, "Received: 'f1'"),
    ):
        with pytest.raises(ValueError, match=message):
            AdaptationCurveLogger(waves(), **arguments)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="keras-meta"):
        AdaptationCurveLogger(waves(), filepath="curve.png")
