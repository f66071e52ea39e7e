"""LoRA weights that survive saving."""

import keras
import numpy as np
import pytest

from keras_meta.exact import lora
from tests.exact import backbones


def test_layers_at_every_depth():
    names = [layer.name for layer in lora.lora_layers(backbones.classifier())]
    assert names == ["words", "query", "value", "dense"]
    assert lora.unmerged(backbones.classifier(lora=False)) is None


@keras.saving.register_keras_serializable("tests")
class Keeper(keras.Model):
    """A model that holds a classifier, with or without its LoRA weights as they are."""

    def __init__(self, keeps):
        super().__init__()
        self.model = backbones.classifier()
        self.keeps = keeps
        self.unmerged_lora = lora.unmerged(self) if keeps else None
        self.built = True

    def call(self, x):
        return self.model(x)

    def get_config(self):
        return {"keeps": self.keeps}


@pytest.mark.parametrize("kind", ["learner.keras", "learner.weights.h5"])
def test_weights_are_restored_as_they_were(tmp_path, kind):
    model = Keeper(keeps=True)
    backbones.stir(model)
    if kind == "learner.keras":
        model.save(tmp_path / kind)
        loaded = keras.models.load_model(tmp_path / kind)
    else:
        model.save_weights(tmp_path / kind)
        loaded = Keeper(keeps=True)
        loaded.load_weights(tmp_path / kind)
    for a, b in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_alone_restores_weights_that_do_not_learn(tmp_path):
    """If this fails, Keras has mended it, and `UnmergedLora` can go."""
    model = Keeper(keeps=False)
    backbones.stir(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    weights = [v for v in loaded.variables if "lora" in v.name]
    assert len(weights) == 8 and not any(np.any(v) for v in weights)
