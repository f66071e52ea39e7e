"""How often each token occurs in a text."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class TokenCounts(keras.layers.Layer):
    """Counts each token of a text, times a learned weight of the token.

        y_k = w_k * (number of t with x_t = k)

    Two texts are related by the tokens that both contain, and by no others: of rare and of unseen
    tokens, this says more than learned vectors do. Initially the weights are 1; `set_weights` gives
    them others, such as the logarithm of the inverse of the frequency in texts. Padding, token 0,
    is not counted.

    Args:
        num_tokens: int. Number of tokens, padding included.

    Example:

    ```python
    import numpy as np
    from keras_meta.layers import TokenCounts

    counts = TokenCounts(5)(np.array([[3, 1, 3, 0], [0, 0, 0, 0]]))
    assert counts.numpy().tolist() == [[0, 1, 0, 2, 0], [0, 0, 0, 0, 0]]
    ```

    Reference:
        [Salton, Buckley, 1988](https://doi.org/10.1016/0306-4573(88)90021-0)
    """

    def __init__(self, num_tokens, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def build(self, input_shape):
        del input_shape
        self.token_weights = self.add_weight(
            shape=(self.num_tokens,), initializer="ones", name="token_weights"
        )

    def call(self, tokens):
        """Returns counts `[n, num_tokens]` of tokens `[n, time]`."""
        number = tf.shape(tokens)[0]
        tokens = tf.cast(tokens, tf.int32)
        # Not a product with 0, because second derivatives of the length of an empty text are NaN.
        counted = tf.where(tf.equal(tokens, 0), 0.0, tf.gather(self.token_weights, tokens))
        places = tokens + self.num_tokens * tf.range(number)[:, None]
        counts = tf.math.unsorted_segment_sum(
            tf.reshape(counted, [-1]), tf.reshape(places, [-1]), number * self.num_tokens
        )
        return tf.reshape(counts, [number, self.num_tokens])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_tokens)

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens}
