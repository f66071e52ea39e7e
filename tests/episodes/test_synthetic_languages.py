"""Invented languages have the statistics that they are said to have."""

import collections

import numpy as np
import pytest

from keras_meta.episodes import SyntheticLanguages


def text(task, size=6000, seed=0):
    source = SyntheticLanguages(seed=seed)
    return source.codec.decode(source.texts(task, 1, size)[0])


def test_windows_and_their_labels():
    source = SyntheticLanguages(num_shots=3, num_queries=2, length=20)
    inputs, query_y = source.sample(0, 4)
    assert inputs["support_x"].shape == (4, 3, 20) and query_y.shape == (4, 2, 20)
    np.testing.assert_array_equal(inputs["support_x"][..., 1:], inputs["support_y"][..., :-1])
    np.testing.assert_array_equal(inputs["query_x"][..., 1:], query_y[..., :-1])
    # The windows are consecutive passages of one text.
    windows = [inputs["support_x"], inputs["support_y"][..., -1:]]
    support = np.concatenate(windows, -1).reshape(4, -1)
    queries = np.concatenate([inputs["query_x"], query_y[..., -1:]], -1).reshape(4, -1)
    whole = source.texts(0, 4, 5 * 21)
    np.testing.assert_array_equal(np.concatenate([support, queries], 1), whole)


def test_a_task_is_a_function_of_seed_and_number():
    source = SyntheticLanguages(num_shots=2, num_queries=1, seed=3)
    inputs, query_y = source.sample(0, 5)
    again, again_y = SyntheticLanguages(num_shots=2, num_queries=1, seed=3).sample(3, 2)
    np.testing.assert_array_equal(inputs["support_x"][3:], again["support_x"])
    np.testing.assert_array_equal(query_y[3:], again_y)
    assert text(0) != text(1) and text(0, seed=0) != text(0, seed=1)


@pytest.mark.parametrize("task", range(3))
def test_a_language_has_few_letters_few_words_and_an_order_of_words(task):
    sentences = text(task).split(".")[:-1]
    words = [sentence.split() for sentence in sentences]
    assert all(1 <= len(sentence) <= 4 for sentence in words)
    counts = collections.Counter(word for sentence in words for word in sentence)
    assert len(set("".join(counts))) <= 17 and len(counts) <= 64
    frequencies = sorted(counts.values(), reverse=True)
    assert frequencies[0] > 4 * frequencies[len(frequencies) // 2]
    frequent, rare = np.split(np.array(sorted(counts, key=counts.get, reverse=True)), [8])
    assert np.mean([len(w) for w in frequent]) < np.mean([len(w) for w in rare])
    # A pair of words that follow each other hardly ever does so the other way round.
    pairs = collections.Counter(
        pair for sentence in words for pair in zip(sentence, sentence[1:], strict=False)
    )
    turned = sum(min(n, pairs[b, a]) for (a, b), n in pairs.items() if a != b)
    assert turned < 0.1 * sum(pairs.values())


def test_languages_differ_in_their_letters():
    letters = [frozenset(text(task)) for task in range(10)]
    assert len(set(letters)) == 10
