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
from keras_meta.exact.normalization import exact_moments, normalize, wide


@dataclasses.dataclass(frozen=True)
class Normalization:
    """One application of a batch normalisation layer.

    Attributes:
        layer: The `keras.layers.BatchNormalization`.
        number: int. Its place among the `FunctionalModel.batch_normalizations` of this pass.
        inputs: Float tensor `[..., channels]`, its input with channels last.
        mask: bool tensor `[...]` of the positions that count, or `None` for all.
        gamma: Tensor `[channels]`, its scale.
        beta: Tensor `[channels]`, its shift.
    """

    layer: object
    number: int
    inputs: tf.Tensor
    mask: object
    gamma: tf.Tensor
    beta: tf.Tensor

    @property
    def x(self):
        """The inputs, in single precision if they are of half."""
        return wide(self.inputs)

    @property
    def stored(self):
        """Pair of tensors `[channels]`: the moving mean and variance that this pass starts from."""
        moving = self.layer.moving_mean, self.layer.moving_variance
        return tuple(tf.cast(variable.value, self.x.dtype) for variable in moving)

    def moments(self):
        """Mean and variance over all axes but the last, of unmasked positions."""
        axes = list(range(self.x.shape.rank - 1))
        return tuple(tf.squeeze(moment, axes) for moment in self.moments_over(axes))

    def moments_over(self, axes):
        """Mean and variance over some axes, which are kept with length 1, under the mask.

        Args:
            axes: List of ints, such as all but the first and the last for moments of each example.
        """
        if self.mask is None:
            return exact_moments(self.x, axes, keepdims=True)
        present = tf.cast(tf.expand_dims(self.mask, -1), self.x.dtype)
        count = tf.reduce_sum(tf.broadcast_to(present, tf.shape(self.x)), axes, keepdims=True)

        def mean_of(x):
            return tf.math.divide_no_nan(tf.reduce_sum(x * present, axes, keepdims=True), count)

        mean = mean_of(self.x)
        return mean, mean_of(tf.square(self.x - mean))

    def by(self, mean, variance):
        """Returns `gamma (x - mean) / sqrt(variance + epsilon) + beta`, with broadcasting."""
        scale = self.gamma * tf.math.rsqrt(variance + self.layer.epsilon)
        return (self.x - mean) * scale + self.beta


def batch(normalization):
    """Normalises by the statistics of the current examples."""
    if normalization.mask is not None:
        moments = normalization.moments()
        return normalization.by(*moments), moments
    gamma, beta = normalization.gamma, normalization.beta
    return normalize(normalization.inputs, gamma, beta, normalization.layer.epsilon)


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

    def replacement(number, layer):
        def call(inputs, training=None, mask=None):
            del training  # the statistics are chosen by the learner
            return normalized(layer, number, inputs, rule if layer.trainable else stored, mask)

        return call

    return [
        (*private.MOMENTS, exact_moments),
        *((layer, private.CALL, replacement(number, layer)) for number, layer in enumerate(layers)),
    ]


def normalized(layer, number, inputs, rule, mask):
    """Returns the outputs of a layer by a rule, and assigns what is observed.

    Args:
        layer: A `BatchNormalization` layer.
        number: int. See `Normalization`.
        inputs: Its inputs.
        rule: A rule.
        mask: bool tensor, or `None`.
    """
    rank = len(inputs.shape)
    channel = layer.axis % rank
    to_last = [axis for axis in range(rank) if axis != channel] + [channel]
    if channel != rank - 1:
        inputs = tf.transpose(inputs, to_last)
    channels, dtype = [inputs.shape[-1]], wide(inputs).dtype
    gamma = tf.cast(layer.gamma.value, dtype) if layer.scale else tf.ones(channels, dtype)
    beta = tf.cast(layer.beta.value, dtype) if layer.center else tf.zeros(channels, dtype)
    outputs, moments = rule(Normalization(layer, number, inputs, mask, gamma, beta))
    if moments is not None:
        layer.moving_mean.assign(moments[0])
        layer.moving_variance.assign(moments[1])
    if channel != rank - 1:
        outputs = tf.transpose(outputs, [to_last.index(axis) for axis in range(rank)])
    return tf.cast(outputs, layer.compute_dtype)
