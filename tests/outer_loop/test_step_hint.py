"""Users of tiny networks are told of the setting that makes them fast, once."""

import warnings

import keras
import pytest

from keras_meta import episodes, learners, networks
from keras_meta.outer_loop import step_hint


@pytest.fixture(autouse=True)
def not_hinted(monkeypatch):
    monkeypatch.setattr(step_hint, "_hinted", False)
    monkeypatch.setattr(step_hint, "_STEPS", 3)


def fit(steps_per_execution=1, epochs=2):
    learner = learners.MAML(networks.SinusoidMLP(), 0.01)
    learner.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    waves = episodes.Sinusoid(num_shots=5, num_queries=5).as_dataset(2)
    learner.fit(waves, steps_per_epoch=3, epochs=epochs, verbose=0)


def test_a_hint_once(monkeypatch):
    monkeypatch.setattr(step_hint, "_SHORT", 60.0)
    with pytest.warns(UserWarning, match=r"A step takes .* ms.*steps_per_execution=100") as found:
        fit(epochs=3)
    assert len(found) == 1
    fit()  # warnings are errors in the tests


@pytest.mark.parametrize(
    "short, arguments",
    [(60.0, {"epochs": 1}), (60.0, {"steps_per_execution": 3}), (0.0, {})],
    ids=["the epoch of the trace", "several steps an execution", "long steps"],
)
def test_no_hint(monkeypatch, short, arguments):
    monkeypatch.setattr(step_hint, "_SHORT", short)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(**arguments)


def test_callbacks_of_the_user_stay():
    learner = learners.MAML(networks.SinusoidMLP(), 0.01)
    learner.compile("sgd", "mse")
    mine = keras.callbacks.History()
    for callbacks in (mine, [mine]):
        added = step_hint.added(learner, (), {"callbacks": callbacks})["callbacks"]
        assert added[0] is mine and len(added) == 2
    own = {"callbacks": keras.callbacks.CallbackList([mine])}
    assert step_hint.added(learner, (), own) is own
    assert step_hint.added(learner, (None, None, 1, 0, [mine]), {}) == {}
