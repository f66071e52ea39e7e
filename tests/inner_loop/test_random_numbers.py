"""Random numbers as a function of a key."""

import numpy as np
import tensorflow as tf

from keras_meta.inner_loop.random_numbers import below, bits, uniform


def test_bits_are_those_of_splitmix():
    """Of the key 0 and the place 0: two rounds of the published generator, in Python."""

    def mix(x):
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        return x ^ (x >> 31)

    assert mix(0) == 0xE220A8397B1DCDAF  # the first number of the reference implementation
    found = bits(3, [5, 9]).numpy().tolist()
    assert found == [mix(mix(place + mix(5)) + mix(9) & 2**64 - 1) for place in range(3)]


def test_uniform_numbers_fill_the_interval():
    x = uniform(20_000, [1, 2]).numpy()
    assert x.dtype == "float64" and 0.0 < x.min() < 1e-3 and 1.0 - 1e-3 < x.max() < 1.0
    counts, _ = np.histogram(x, 10, (0.0, 1.0))
    # Chi-squared with 9 degrees of freedom is above 28 once in a thousand.
    assert (np.square(counts - 2000) / 2000).sum() < 28


def test_each_part_of_the_key_matters():
    samples = [uniform(500, key).numpy() for key in ([0, 0], [0, 1], [1, 0], [2**40, 1])]
    assert np.abs(np.corrcoef(samples) - np.eye(4)).max() < 0.2
    np.testing.assert_array_equal(samples[0], uniform(500, [0, 0]))


def test_it_is_vectorised_over_seeds():
    seeds = tf.constant([[0, 1], [2, 3]], tf.int64)

    def of_task(seed):
        return uniform(4, [seed[0], seed[1]])

    found = tf.vectorized_map(of_task, seeds, fallback_to_while_loop=False)
    np.testing.assert_array_equal(found, tf.stack([of_task(seed) for seed in seeds]))


def test_whole_numbers_are_below_their_number():
    # In float32, the last of these times 5 is rounded up to 5.
    numbers = tf.constant([0.0, 0.1999, 0.2, 0.999, 1 - 2**-24], tf.float32)
    assert below(numbers, 5).numpy().tolist() == [0, 0, 1, 4, 4]
    assert below(numbers[:2], [3, 10]).numpy().tolist() == [0, 1]
