"""Metrics of likelihood: of labels, and the perplexity and bits per character of sequences."""

import math

import keras
import tensorflow as tf

from keras_meta.metrics.query_weights import query_weights


class LikelihoodMetric(keras.metrics.Metric):
    """A function of the mean of `-log p(right class)` over queries and, in sequences, over time.

        f( sum of  w (-log p)  /  sum of  w n ),     w: weights and masks,  n = 1 by default

    Subclasses define `of_mean`, the function `f`.

    Args:
        from_logits: bool. Whether predictions are logits, as learners return them.
        ignore_class: int or `None`. A label that does not count, such as that of padding in time.
            See `keras.losses.SparseCategoricalCrossentropy`.
        name: Optional name.
        dtype: See `keras.metrics.Metric`.
    """

    lower_is_better = True

    def __init__(self, from_logits=True, ignore_class=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def values(self, y_true, y_pred):
        """Returns `-log p` of each label, in nats, and 0 for a label that is ignored.

        Args:
            y_true: Class numbers `[...]` or `[..., 1]`, or one-hot labels `[..., classes]`, which
                broadcast to the predictions.
            y_pred: Predictions `[..., classes]`.

        Returns:
            Tensor `[...]`.
        """
        y_pred, labels = tf.cast(y_pred, self.dtype), _class_numbers(y_true, y_pred)
        counts = self._counts(labels)
        labels = tf.broadcast_to(tf.where(counts, labels, 0), tf.shape(y_pred)[:-1])
        if self.from_logits:
            values = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y_pred)
        else:
            right = tf.gather(y_pred, labels, axis=-1, batch_dims=labels.shape.rank)
            values = -tf.math.log(tf.maximum(right, keras.config.epsilon()))
        return tf.where(counts, values, 0)

    def units(self, y_true, y_pred):
        """Returns what each label counts for in the denominator, `n`."""
        return tf.cast(self._counts(_class_numbers(y_true, y_pred)), self.dtype)

    def of_mean(self, mean):
        """Returns the metric as a function of the mean in nats."""
        raise NotImplementedError(f"{type(self).__name__} must define `of_mean`.")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = tf.convert_to_tensor(y_pred)
        weights = query_weights(y_pred, sample_weight, self.dtype)
        # What counts for nothing may be anything, even NaN.
        values = tf.math.multiply_no_nan(self.values(y_true, y_pred), weights)
        self.total.assign_add(tf.reduce_sum(values))
        self.count.assign_add(tf.reduce_sum(weights * self.units(y_true, y_pred)))

    def result(self):
        return self.of_mean(tf.math.divide_no_nan(self.total.value, self.count.value))

    def _counts(self, labels):
        """Whether each label counts."""
        if self.ignore_class is None:
            return tf.ones_like(labels, tf.bool)
        return labels != self.ignore_class

    def get_config(self):
        config = {"from_logits": self.from_logits, "ignore_class": self.ignore_class}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("keras_meta")
class NegativeLogLikelihood(LikelihoodMetric):
    """The mean over queries, and over time, of `-log p(right class)`.

    Labels are class numbers or one-hot.

    Args:
        from_logits: bool. Whether predictions are logits, as learners return them.
        ignore_class: int or `None`. A label that does not count, such as that of padding in time.
        name: Optional name.
        dtype: See `keras.metrics.Metric`.

    Example:

    ```python
    import math
    import keras_meta

    metric = keras_meta.metrics.NegativeLogLikelihood(from_logits=False)
    metric.update_state([[0, 1]], [[[0.5, 0.5], [0.75, 0.25]]])
    assert abs(float(metric.result()) - math.log(8.0) / 2) < 1e-6
    ```
    """

    def __init__(
        self, from_logits=True, ignore_class=None, name="negative_log_likelihood", dtype=None
    ):
        super().__init__(from_logits, ignore_class, name, dtype)

    def of_mean(self, mean):
        return mean


@keras.saving.register_keras_serializable("keras_meta")
class Perplexity(LikelihoodMetric):
    """The perplexity of sequences: `exp` of the mean of `-log p(right class)`.

    The mean is over all positions that neither a Keras mask nor a weight of 0 leaves out.

    Args:
        from_logits: bool. Whether predictions are logits, as learners return them.
        ignore_class: int or `None`. A label that does not count, such as that of padding in time.
        name: Optional name.
        dtype: See `keras.metrics.Metric`.

    Example:

    ```python
    import keras_meta

    metric = keras_meta.metrics.Perplexity()
    metric.update_state([[[0, 1]]], [[[[0.0, 0.0, 0.0, 0.0]] * 2]])  # uniform over 4 symbols
    assert abs(float(metric.result()) - 4.0) < 1e-5
    # learner.compile(..., weighted_metrics=[keras_meta.metrics.Perplexity()])
    ```
    """

    def __init__(self, from_logits=True, ignore_class=None, name="perplexity", dtype=None):
        super().__init__(from_logits, ignore_class, name, dtype)

    def of_mean(self, mean):
        return tf.exp(mean)


@keras.saving.register_keras_serializable("keras_meta")
class BitsPerCharacter(LikelihoodMetric):
    """The mean of `-log2 p(right symbol)`, per character of the text.

    All bits are divided by the number of characters. If symbols are bytes of UTF-8, a character may
    consist of several, so that models of bytes and of characters are compared on one scale.

    Args:
        utf_8: bool. Whether labels are bytes of UTF-8, or else characters.
        from_logits: bool. Whether predictions are logits, as learners return them.
        ignore_class: int or `None`. A label that does not count, such as that of padding in time.
        name: Optional name.
        dtype: See `keras.metrics.Metric`.

    Example:

    ```python
    import keras_meta

    metric = keras_meta.metrics.BitsPerCharacter(utf_8=True)
    labels = list("né".encode())  # three bytes, two characters
    metric.update_state([[labels]], [[[[0.0] * 256] * 3]])  # 8 bits for each byte
    assert abs(float(metric.result()) - 3 * 8 / 2) < 1e-5
    ```
    """

    def __init__(
        self,
        utf_8=False,
        from_logits=True,
        ignore_class=None,
        name="bits_per_character",
        dtype=None,
    ):
        super().__init__(from_logits, ignore_class, name, dtype)
        self.utf_8 = utf_8

    def units(self, y_true, y_pred):
        units = super().units(y_true, y_pred)
        if not self.utf_8:
            return units
        # Of the bytes of a character, all but the first are 10xxxxxx.
        first = tf.bitwise.bitwise_and(_class_numbers(y_true, y_pred), 0b11000000) != 0b10000000
        return tf.where(first, units, 0)

    def of_mean(self, mean):
        return mean / math.log(2)

    def get_config(self):
        return {**super().get_config(), "utf_8": self.utf_8}


def _class_numbers(y_true, y_pred):
    """Returns int32 class numbers `[...]` of labels of any kind."""
    y_true = tf.convert_to_tensor(y_true)
    if y_true.shape.rank < y_pred.shape.rank:
        return tf.cast(y_true, tf.int32)
    one_hot = y_true.shape[-1] != 1
    return tf.argmax(y_true, -1, tf.int32) if one_hot else tf.cast(y_true[..., 0], tf.int32)
