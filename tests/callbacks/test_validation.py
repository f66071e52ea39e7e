"""Validation on several kinds of episodes."""

import keras
import pytest

import keras_meta
from keras_meta.callbacks import Validation


def waves(shots, num_batches=None):
    return keras_meta.episodes.Sinusoid(num_shots=shots, num_queries=3).as_dataset(2, num_batches)


def test_named_datasets_are_values_of_the_epoch_like_any_other(tmp_path):
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse", metrics=["mae"])
    regimes = {f"{shots}-shot": waves(shots, num_batches=2) for shots in (2, 5)}
    history = learner.fit(
        waves(2),
        steps_per_epoch=2,
        epochs=2,
        validation_data=regimes["2-shot"],
        verbose=0,
        callbacks=[
            Validation(regimes),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.keras", "val_5-shot_mae", save_best_only=True, mode="min"
            ),
            # Never better by so much: stops after the second epoch.
            keras.callbacks.EarlyStopping("val_2-shot_loss", mode="min", min_delta=1e6, patience=1),
        ],
    ).history
    assert history["val_2-shot_loss"] == history["val_loss"]
    best = keras.models.load_model(tmp_path / "best.keras")
    found = best.evaluate(regimes["5-shot"], verbose=0, return_dict=True)["mae"]
    assert found == pytest.approx(min(history["val_5-shot_mae"]), rel=1e-6)


class Model:
    """Stands for a learner: what it evaluates to is the number of the evaluation."""

    evaluated = 0

    def evaluate(self, dataset, verbose, return_dict):
        assert verbose == 0 and return_dict
        self.evaluated += 1
        return {"loss": self.evaluated, "mae": -self.evaluated}


def test_it_evaluates_every_so_many_epochs():
    callback = Validation({"a": waves(2, 1), "b": waves(5, 1)}, frequency=2)
    callback.set_model(Model())
    logs = [{"loss": 7.0} for _ in range(4)]
    for epoch, values in enumerate(logs):
        callback.on_epoch_end(epoch, values)
    assert logs[0] == logs[2] == {"loss": 7.0}
    assert logs[1] == {
        "loss": 7.0,
        "val_a_loss": 1,
        "val_a_mae": -1,
        "val_b_loss": 2,
        "val_b_mae": -2,
    }
    assert logs[3]["val_b_loss"] == 4


def test_datasets_that_cannot_be_used():
    with pytest.raises(ValueError, match="must be finite.*an infinite dataset 'all'"):
        Validation({"all": waves(2)})
    for datasets in (waves(2, num_batches=1), {}, None):
        with pytest.raises(ValueError, match="must be a dict"):
            Validation(datasets)
