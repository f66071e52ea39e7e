"""The calibration of predicted probabilities."""

import keras
import tensorflow as tf

from keras_meta.metrics.query_weights import query_weights


def _prepare(y_true, y_pred, sample_weight, from_logits, dtype):
    """Returns probabilities `[n, ways]`, class numbers `[n]` and weights `[n]` of all queries."""
    y_pred = tf.convert_to_tensor(y_pred)
    weights = query_weights(y_pred, sample_weight, dtype)
    y_pred, y_true = tf.cast(y_pred, dtype), tf.convert_to_tensor(y_true)
    one_hot = y_true.shape.rank == y_pred.shape.rank and y_true.shape[-1] != 1
    labels = tf.reshape(tf.argmax(y_true, -1) if one_hot else tf.cast(y_true, "int64"), [-1])
    probabilities = tf.nn.softmax(y_pred) if from_logits else y_pred
    return tf.reshape(probabilities, [-1, y_pred.shape[-1]]), labels, tf.reshape(weights, [-1])


@keras.saving.register_keras_serializable("keras_meta")
class ExpectedCalibrationError(keras.metrics.Metric):
    """The mean difference between the confidence of predictions and their accuracy.

    Queries are sorted into `num_bins` bins of equal width by the probability of the predicted
    class, their confidence. Then

        ECE = sum over bins  (share of the queries) |accuracy in the bin - mean confidence in it|

    Args:
        num_bins: int. Number of bins between 0 and 1.
        from_logits: bool. Whether predictions are logits, as learners return them.
        name: Optional name.
        dtype: See `keras.metrics.Metric`.

    Example:

    ```python
    import keras_meta

    metric = keras_meta.metrics.ExpectedCalibrationError(from_logits=False)
    metric.update_state([[0, 1]], [[[0.75, 0.25], [0.75, 0.25]]])  # confidence 0.75, accuracy 0.5
    assert abs(float(metric.result()) - 0.25) < 1e-6
    # learner.compile(..., metrics=["accuracy", keras_meta.metrics.ExpectedCalibrationError()])
    ```

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
    """

    def __init__(
        self, num_bins=15, from_logits=True, name="expected_calibration_error", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        if isinstance(num_bins, bool) or not isinstance(num_bins, int) or num_bins < 1:
            raise ValueError(
                f"`num_bins` must be an integer >= 1. Received: num_bins={num_bins!r}."
            )
        self.num_bins = num_bins
        self.from_logits = from_logits
        self.weights_of_bins = self.add_variable((num_bins,), "zeros", name="weights")
        # Sum of (correct - confidence) in each bin.
        self.excess = self.add_variable((num_bins,), "zeros", name="excess")

    def update_state(self, y_true, y_pred, sample_weight=None):
        probabilities, labels, weights = _prepare(
            y_true, y_pred, sample_weight, self.from_logits, self.dtype
        )
        confidence = tf.reduce_max(probabilities, -1)
        right = tf.cast(tf.argmax(probabilities, -1) == labels, self.dtype)
        # Bin m is the interval ((m - 1) / num_bins, m / num_bins], as in the paper.
        bins = tf.cast(tf.math.ceil(confidence * self.num_bins), "int32") - 1
        members = tf.one_hot(tf.clip_by_value(bins, 0, self.num_bins - 1), self.num_bins)
        members = tf.cast(members, self.dtype) * weights[:, None]
        self.weights_of_bins.assign_add(tf.reduce_sum(members, 0))
        self.excess.assign_add(tf.reduce_sum(members * (right - confidence)[:, None], 0))

    def result(self):
        total = tf.reduce_sum(tf.convert_to_tensor(self.weights_of_bins))
        return tf.math.divide_no_nan(tf.reduce_sum(tf.abs(self.excess.value)), total)

    def get_config(self):
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "from_logits": self.from_logits,
        }
