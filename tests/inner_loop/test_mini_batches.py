"""Mini-batches of a support set."""

import collections

import numpy as np
import tensorflow as tf

from keras_meta.inner_loop.mini_batches import mini_batches


def rows(seed, size=4, steps=3, count=6):
    """The examples of some steps, one after the other."""
    batches = mini_batches(tf.range(count), size, tf.constant(seed, tf.int64))
    return np.concatenate([batches(step) for step in range(steps)])


def test_every_example_comes_once_an_epoch():
    seen = rows([0, 1])
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_epochs_and_tasks_are_shuffled_otherwise():
    orders = {tuple(rows([0, task])[6 * epoch :][:6]) for task in range(4) for epoch in range(2)}
    assert len(orders) == 8


def test_all_orders_are_as_likely():
    tasks = tf.range(1200, dtype=tf.int64)
    seeds = tf.stack([3 * tf.ones_like(tasks), tasks], 1)
    orders = tf.vectorized_map(lambda seed: mini_batches(tf.range(3), 3, seed)(0), seeds)
    counts = collections.Counter(map(tuple, orders.numpy()))
    # 5 degrees of freedom: a chi-squared statistic above 20.5 has a probability of 0.001.
    assert len(counts) == 6 and sum((n - 200) ** 2 / 200 for n in counts.values()) < 20.5


def test_negative_seeds_and_small_support_sets():
    assert sorted(rows([-5, -1], size=10, steps=1, count=3)) == [0, 1, 2]


def test_tasks_are_vectorised():
    def batch(seed):
        return mini_batches(tf.range(6), 2, seed)(1)

    seeds = tf.constant([[0, 1], [0, 2], [5, 1]], tf.int64)
    together = tf.vectorized_map(batch, seeds, fallback_to_while_loop=False)
    np.testing.assert_array_equal(together, [batch(seed) for seed in seeds])
