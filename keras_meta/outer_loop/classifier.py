"""An ordinary classifier of all classes, which trains in fewer passes over memory than stock."""

import keras

from keras_meta.exact import private
from keras_meta.exact.normalization import batch_normalizations
from keras_meta.exact.replacement import replaced_for_all
from keras_meta.inner_loop import rules


@keras.saving.register_keras_serializable("keras_meta")
class Classifier(keras.Model):
    """A functional Keras model whose batch normalisation takes one kernel of the library.

    Stock batch normalisation is written as many operations on tensors of the size of its inputs. On
    a CPU, a training step of Conv4 takes two thirds of the time without them. The values are the
    same but for rounding.

    Args:
        *args: As for a functional `keras.Model`.
        **kwargs: As for a functional `keras.Model`.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        replacements = [
            (layer, private.CALL, _in_one_kernel(layer))
            for layer in batch_normalizations(self)
            if not layer.synchronized
        ]
        # Without a lock: replicas wait for each other inside.
        with replaced_for_all(replacements):
            return super().call(inputs, training=training, mask=mask)


def _in_one_kernel(layer):
    def call(inputs, training=None, mask=None):
        rule = _following if training and layer.trainable else rules.stored
        return rules.normalized(layer, 0, inputs, rule, mask)

    return call


def _following(normalization):
    """Normalises by the current examples, whom the stored statistics follow."""
    outputs, moments = rules.batch(normalization)
    momentum = normalization.layer.momentum
    return outputs, [
        momentum * before + (1.0 - momentum) * now
        for before, now in zip(normalization.stored, moments, strict=True)
    ]
