"""Rules: how the batch normalisation layers of a model normalise in one pass.

`BatchNormalization` uses the statistics of the batch only if `training` is true, so a learner could
not adapt with the statistics of the support set while dropout is off. A rule replaces the layer's
computation for the duration of one pass. It is a callable

    rule(normalization) -> (outputs, moments)

from a `Normalization`, one application of a layer, to its outputs and to the observed pair `(mean,
variance)`, or `None`. Observed moments are assigned to the layer's moving statistics; a
`keras.StatelessScope` captures these assignments instead of storing them.
"""

import dataclasses

import tensorflow as tf

from keras_meta.exact import private
from keras_meta.exact.normalization import exact_moments, normalize


@dataclasses.dataclass(frozen=True)
class Normalization:
    """One application of a batch normalisation layer.

    Attributes:
        layer: The `keras.layers.BatchNormalization`.
        x: Float tensor `[..., channels]`, its input with channels last.
        mask: bool tensor `[...]` of the positions that count, or `None` for all.
        gamma: Tensor `[channels]`, its scale.
        beta: Tensor `[channels]`, its shift.
    """

    layer: object
    x: tf.Tensor
    mask: object
    gamma: tf.Tensor
    beta: tf.Tensor

    @property
    def stored(self):
        """Pair of tensors `[channels]`: the moving mean and variance that this pass starts from."""
        moving = self.layer.moving_mean, self.layer.moving_variance
        return tuple(tf.cast(variable.value, self.x.dtype) for variable in moving)

    def moments(self):
        """Mean and variance over all axes but the last, of unmasked positions."""
        axes = list(range(self.x.shape.rank - 1))
        if self.mask is None:
            return exact_moments(self.x, axes)
        present = tf.cast(tf.expand_dims(self.mask, -1), self.x.dtype)
        count = tf.reduce_sum(tf.broadcast_to(present, tf.shape(self.x)), axes)
        mean = tf.math.divide_no_nan(tf.reduce_sum(self.x * present, axes), count)
        squares = tf.square(self.x - mean) * present
        return mean, tf.math.divide_no_nan(tf.reduce_sum(squares, axes), count)

    def by(self, mean, variance):
        """Returns `gamma (x - mean) / sqrt(variance + epsilon) + beta`, with broadcasting."""
        scale = self.gamma * tf.math.rsqrt(variance + self.layer.epsilon)
        return (self.x - mean) * scale + self.beta


def batch(normalization):
    """Normalises by the statistics of the current examples."""
    moments = normalization.moments()
    if normalization.mask is not None:
        return normalization.by(*moments), moments
    x, layer = normalization.x, normalization.layer
    return normalize(x, normalization.gamma, normalization.beta, layer.epsilon), moments


def stored(normalization):
    """Normalises by the moving statistics."""
    return normalization.by(*normalization.stored), None


def observe(normalization):
    """Normalises by the moving statistics, and observes those of the current examples."""
    return normalization.by(*normalization.stored), normalization.moments()


def replacements(layers, rule):
    """Returns the replacements for a pass: triples `(object, attribute name, value)`.

    Enter them inside a `keras.StatelessScope`, so that moments assigned by the layers go to the
    scope and not to the model.

    Args:
        layers: `BatchNormalization` layers, from `exact.normalization.batch_normalizations(model)`.
        rule: A rule. Frozen layers always use their stored statistics, as in Keras.
    """

    def replacement(layer):
        def call(inputs, training=None, mask=None):
            del training  # the statistics are chosen by the learner
            return _normalize(layer, inputs, rule if layer.trainable else stored, mask)

        return call

    return [
        (*private.MOMENTS, exact_moments),
        *((layer, private.CALL, replacement(layer)) for layer in layers),
    ]


def _normalize(layer, inputs, rule, mask):
    x = tf.cast(inputs, "float32") if inputs.dtype in (tf.float16, tf.bfloat16) else inputs
    rank = len(x.shape)
    channel = layer.axis % rank
    to_last = [axis for axis in range(rank) if axis != channel] + [channel]
    if channel != rank - 1:
        x = tf.transpose(x, to_last)
    gamma = tf.cast(layer.gamma.value, x.dtype) if layer.scale else tf.ones([x.shape[-1]], x.dtype)
    beta = tf.cast(layer.beta.value, x.dtype) if layer.center else tf.zeros([x.shape[-1]], x.dtype)
    outputs, moments = rule(Normalization(layer, x, mask, gamma, beta))
    if moments is not None:
        layer.moving_mean.assign(moments[0])
        layer.moving_variance.assign(moments[1])
    if channel != rank - 1:
        outputs = tf.transpose(outputs, [to_last.index(axis) for axis in range(rank)])
    return tf.cast(outputs, layer.compute_dtype)
