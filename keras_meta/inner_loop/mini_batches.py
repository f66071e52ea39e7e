"""Mini-batches of a support set."""

import keras
import tensorflow as tf

from keras_meta.inner_loop import random_numbers


def mini_batches(examples, size, seed):
    """Returns a function from the number of an inner step to its mini-batch.

    Examples are drawn in turn from the shuffled support set, which is reshuffled after each pass.

    Args:
        examples: Nest of tensors `[support, ...]`.
        size: int. Examples per step; all examples if there are fewer.
        seed: int tensor `[2]`, the seed of the task, so that tasks are shuffled differently.

    Returns:
        Callable, `step -> nest of tensors [size, ...]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_loop.mini_batches import mini_batches

    batches = mini_batches(tf.range(4), size=2, seed=tf.constant([0, 0]))
    assert sorted([*batches(0).numpy(), *batches(1).numpy()]) == [0, 1, 2, 3]
    ```
    """
    count = tf.shape(keras.tree.flatten(examples)[0])[0]
    size = tf.minimum(size, count)

    def order(epoch):
        return _order(count, [seed[0], seed[1], epoch])

    def batch(step):
        epoch, offset = step * size // count, step * size % count
        # A batch may span the end of one pass and the beginning of the next.
        rows = tf.concat([order(epoch), order(epoch + 1)], 0)
        chosen = rows[offset : offset + size]
        return keras.tree.map_structure(lambda x: tf.gather(x, chosen), examples)

    return batch


def _order(count, key):
    """A permutation of 0, ..., `count - 1` that is a function of the integers in `key`."""
    # Sorting requires signed integers, which hold all bits but one.
    signed = tf.bitwise.right_shift(random_numbers.bits(count, key), tf.constant(1, tf.uint64))
    return tf.argsort(tf.cast(signed, tf.int64))
