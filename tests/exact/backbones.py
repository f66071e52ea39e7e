"""A small model like those of model libraries, with LoRA weights deep inside."""

import keras
import numpy as np

from keras_meta.exact.private import sublayers

layers = keras.layers


@keras.saving.register_keras_serializable("tests")
class Backbone(keras.Model):
    """Its configuration says nothing of its layers."""

    def __init__(self, size=4, **kwargs):
        words = keras.Input((None,), dtype="int32", name="token_ids")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        x = layers.Embedding(9, size, name="words")(words)
        y = layers.MultiHeadAttention(2, size // 2, name="attention")(x, x)
        x = layers.Add()([x, layers.Dense(size, "tanh", name="dense")(y)])
        x = layers.GlobalAveragePooling1D(name="mean")(x, mask=mask)
        super().__init__({"token_ids": words, "padding_mask": mask}, x, **kwargs)
        self.size = size

    def get_config(self):
        return {"size": self.size, "name": self.name}


def classifier(outputs=3, lora=True):
    """A classifier on a backbone, of which the LoRA weights and the head are trainable."""
    backbone = Backbone(name="backbone")
    inner = {layer.name: layer for layer in sublayers(backbone)}
    if lora:
        for layer in inner.values():
            layer.trainable = not layer.weights
        backbone.get_layer("attention").trainable = True
        for name in ("key", "attention_output"):
            inner[name].trainable = False
        for number, name in enumerate(("words", "dense", "query", "value")):
            inner[name].trainable = True
            inner[name].enable_lora(2, lora_alpha=1.0 + number)
            for variable in inner[name].variables:
                variable.trainable = "lora" in variable.name
    inputs = {
        "token_ids": keras.Input((6,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((6,), dtype="int32", name="padding_mask"),
    }
    return keras.Model(inputs, layers.Dense(outputs, name="head")(backbone(inputs)))


def features(*shape):
    """Features `[*shape, 6]`."""
    random = np.random.default_rng(0)
    return {
        "token_ids": random.integers(0, 9, (*shape, 6)).astype("int32"),
        "padding_mask": (random.random((*shape, 6)) < 0.8).astype("int32"),
    }


def stir(model):
    """Gives every weight a random value, so that none is at its initial one."""
    random = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(random.normal(scale=0.5, size=variable.shape))
