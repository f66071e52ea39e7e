"""Random numbers inside tasks, which are vectorised over tasks with seeds of their own.

TensorFlow's generators are not. These are a hash, SplitMix64, of a key and of a number's place.
"""

import tensorflow as tf


def bits(count, key):
    """Random integers, each of 64 random bits.

    Args:
        count: int or scalar int tensor. How many.
        key: List of ints or scalar int tensors, of which they are a function.

    Returns:
        uint64 tensor `[count]`.
    """
    state = tf.cast(tf.range(count), tf.uint64)
    for part in key:
        state = _mix(state + _mix(tf.cast(part, tf.uint64)))
    return state


def uniform(count, key):
    """Random numbers between 0 and 1, both excluded.

    Args:
        count: int or scalar int tensor. How many.
        key: List of ints or scalar int tensors, of which they are a function.

    Returns:
        float64 tensor `[count]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_loop.random_numbers import uniform

    seed = tf.constant([0, 7])
    numbers = uniform(1000, [seed[0], seed[1]])
    assert 0.4 < tf.reduce_mean(numbers) < 0.6
    ```
    """
    # As many bits as a float64 holds exactly together with the half that keeps it from 0 and 1.
    high = tf.bitwise.right_shift(bits(count, key), _constant(12))
    return (tf.cast(high, tf.float64) + 0.5) * 2.0**-52


def below(uniform, number):
    """Returns whole numbers `0, ..., number - 1` from uniform ones in [0, 1).

    Args:
        uniform: float tensor.
        number: int, or int32 tensor that broadcasts to `uniform`.

    Returns:
        int32 tensor.
    """
    number = tf.convert_to_tensor(number, tf.int32)
    scaled = tf.cast(uniform * tf.cast(number, uniform.dtype), tf.int32)
    return tf.minimum(scaled, number - 1)  # a product that is rounded up may equal the number


def _mix(x):
    x = x + _constant(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        shifted = tf.bitwise.right_shift(x, _constant(shift))
        x = tf.bitwise.bitwise_xor(x, shifted) * _constant(factor)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, _constant(31)))


def _constant(number):
    return tf.constant(number, tf.uint64)
