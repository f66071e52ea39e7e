"""The n-gram model, against its definition and by its likelihood."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes
from keras_meta.baselines import Ngram


def by_definition(text, context, symbol, symbols):
    """Witten and Bell's probability, by the recursion in its docstring."""
    if context is None:
        return 1 / symbols
    shorter = by_definition(text, context[1:] if context else None, symbol, symbols)
    n = len(context)
    followers = [
        window[i + n]
        for window in text
        for i in range(len(window) - n)
        if window[i : i + n] == context
    ]
    if not followers:
        return shorter
    kinds = len(set(followers))
    return (followers.count(symbol) + kinds * shorter) / (len(followers) + kinds)


def test_probabilities_are_those_of_the_definition():
    random = np.random.default_rng(0)
    windows = random.integers(0, 3, (3, 9))
    queries = random.integers(0, 4, (2, 5))
    inputs = {"support_x": windows[:, :-1], "support_y": windows[:, 1:], "query_x": queries}
    ngram = Ngram(4, orders=(1, 2, 4))
    found = ngram.predictions({k: tf.constant(v) for k, v in inputs.items()}, None)
    assert found.shape == (3, 2, 5, 4)
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(found), -1), 1.0, rtol=1e-5)
    for setting, order in enumerate((1, 2, 4)):
        for row in range(2):
            for position in range(5):
                context = queries[row, max(position + 2 - order, 0) : position + 1].tolist()
                expected = [by_definition(windows.tolist(), context, c, 4) for c in range(4)]
                np.testing.assert_allclose(
                    np.exp(found[setting, row, position]), expected, rtol=1e-5
                )


def test_bits_of_invented_languages():
    tasks = episodes.SyntheticLanguages(10, 4)
    ngram = Ngram(tasks.codec.size)
    data = tasks.as_dataset(3, num_batches=1)
    bits = ngram.task_values(data, "bits_per_character").mean(0)
    assert ngram.settings[0] == "order 1" and len(bits) == 5
    assert bits[0] == pytest.approx(3.6, abs=0.5)  # the entropy of about 15 letters
    assert bits[2] < bits[1] < bits[0]
    assert bits.max() < np.log2(tasks.codec.size)
