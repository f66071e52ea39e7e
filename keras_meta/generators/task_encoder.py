"""A permutation-invariant encoder of support sets."""

import collections

import keras
import tensorflow as tf

from keras_meta.generators.skip_network import SkipNetwork

TaskEmbedding = collections.namedtuple("TaskEmbedding", ["task", "outputs", "present"])
TaskEmbedding.__doc__ = """The embedding of a task, and of each of its outputs.

Attributes:
    task: Tensor `[size]`, the embedding of the task as a whole.
    outputs: Tensor `[outputs, size]`, the embedding of each class or, in regression, of each number
        to predict.
    present: bool tensor `[outputs]`. Whether the support set has examples of the output.
"""


@keras.saving.register_keras_serializable("keras_meta")
class TaskEncoder(keras.layers.Layer):
    """Embeds a task from its support set, whatever the order of the examples.

    With `f_i` the features of a support example, `y_io` its target for output `o` and `e` a small
    network, the embeddings of an output and of the task are

        r_o = mean over i of  e([f_i, y_io])            r = mean over o of  r_o

    If the outputs are classes, the mean over `i` is over the examples of class `o`, so that its
    scale depends neither on the number of shots nor on class imbalance, and the mean over `o` is
    over the classes that have examples. Otherwise both means are over all.

    Args:
        size: int. Length of a task embedding.
        **kwargs: See `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    encoder = keras_meta.generators.TaskEncoder(size=5)
    encoder.prepare(embedding_size=4)
    features, targets = keras.ops.ones((6, 4)), keras.ops.ones((6, 1))
    task_embedding = encoder(features, targets, are_classes=False)
    assert task_embedding.task.shape == (5,) and task_embedding.outputs.shape == (1, 5)
    ```

    Reference:
        [Zaheer et al., 2017](https://arxiv.org/abs/1703.06114)
    """

    def __init__(self, size=128, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.encoder = SkipNetwork(size, size, name="encoder", dtype=self.dtype_policy)

    def prepare(self, embedding_size):
        """Creates the weights, for features of this length."""
        self.encoder.build((None, embedding_size + 1))
        self.built = True

    def call(self, features, targets, are_classes):
        """Embeds one task.

        Args:
            features: Tensor `[support, embedding]`.
            targets: Tensor `[support, outputs]`.
            are_classes: bool. Whether outputs are classes, and targets one-hot labels.

        Returns:
            A `TaskEmbedding`.
        """
        y = tf.cast(targets, features.dtype)
        if are_classes:
            count = tf.reduce_sum(y, 0)
            encoded = self._encode(features, tf.ones_like(features[:, :1]))
            outputs = tf.math.divide_no_nan(tf.matmul(y, encoded, transpose_a=True), count[:, None])
            present = count > 0
        else:
            shape = tf.concat([tf.shape(y), tf.shape(features)[1:]], 0)
            repeated = tf.broadcast_to(features[:, None], shape)
            outputs = tf.reduce_mean(self._encode(repeated, y[..., None]), 0)
            present = tf.ones_like(y[0], tf.bool)
        count = tf.reduce_sum(tf.cast(present, outputs.dtype))
        return TaskEmbedding(tf.reduce_sum(outputs, 0) / count, outputs, present)

    def _encode(self, features, values):
        return self.encoder(tf.concat([features, values], -1))

    def get_config(self):
        return {**super().get_config(), "size": self.size}
