"""Which epochs are kept."""

import json

import keras
import numpy as np
import pytest

from keras_meta.callbacks import BestWeights


def run(folder, values, first=0, **arguments):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    best = BestWeights(folder, "val", **arguments)
    best.set_model(model)
    for epoch, value in enumerate(values, first):
        model.layers[0].kernel.assign([[float(epoch)]])
        best.on_epoch_end(epoch, {"val": value})
    return best, model


def kept(best, model):
    found = []
    for file in best.files:
        model.load_weights(file)
        found.append(int(np.asarray(model.layers[0].kernel).item()))
    return found


@pytest.mark.parametrize("mode, expected", [("max", [3, 1]), ("min", [0, 4])])
def test_the_best_are_kept_in_their_order(tmp_path, mode, expected):
    best, model = run(tmp_path, [0.1, 0.5, 0.4, 0.7, 0.2], mode=mode, keep=2)
    assert kept(best, model) == expected
    assert len(list(tmp_path.iterdir())) == 3


def test_epochs_that_come_again_after_a_kill(tmp_path):
    values = [0.1, 0.5, 0.4, 0.7, 0.2]
    run(tmp_path, values[:4], keep=2)
    best, model = run(tmp_path, values[3:], first=3, keep=2)
    assert kept(best, model) == [3, 1]
    assert json.loads((tmp_path / "best.json").read_text()) == {"3": 0.7, "1": 0.5}


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="Received: mode='auto', keep=5"):
        BestWeights(tmp_path, mode="auto")
    with pytest.raises(ValueError, match="monitor='val', with logs of .'loss'"):
        BestWeights(tmp_path, "val").on_epoch_end(0, {"loss": 1.0})
