"""Mini-batches of a support set."""

import keras
import tensorflow as tf

from keras_meta.inner_loop import random_numbers


def mini_batches(examples, size, seed):
    """Returns a function from the number of a step to the examples that it learns from.

    They are drawn in turn from an endless row of the support set, shuffled anew each time it is
    through.

    Args:
        examples: Nest of tensors `[support, ...]`.
        size: int. Examples a step; all of them, if there are fewer.
        seed: int tensor `[2]`, of the task: its rows are shuffled otherwise than those of others.

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
        # A batch may begin at the end of one row and end at the beginning of the next.
        rows = tf.concat([order(epoch), order(epoch + 1)], 0)
        chosen = rows[offset : offset + size]
        return keras.tree.map_structure(lambda x: tf.gather(x, chosen), examples)

    return batch


def _order(count, key):
    """The numbers 0, ..., `count - 1` in an order that is a function of the integers in `key`."""
    # Sorting takes signed integers, which have room for all but one of the bits.
    signed = tf.bitwise.right_shift(random_numbers.bits(count, key), tf.constant(1, tf.uint64))
    return tf.argsort(tf.cast(signed, tf.int64))
