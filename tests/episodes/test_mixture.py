"""Several sources in one stream."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


def glyphs(shots, seed=0, **kwargs):
    x = np.arange(60, dtype="float32")[:, None] + 1000.0 * seed
    y = np.repeat(np.arange(6), 10)
    return episodes.EpisodeSampler(x, y, 3, shots, 2, seed=seed, **kwargs)


def test_each_task_is_one_of_its_source():
    sources = {"a": glyphs(1), "b": glyphs(1, seed=1)}
    mixture = episodes.Mixture(sources, seed=3)
    which = mixture.source_of(0, 12).numpy()
    assert set(which) == {0, 1}
    inputs, y = next(iter(mixture.as_dataset(12)))
    assert set(inputs) == {"support_x", "support_y", "query_x"}
    for number, source in enumerate(sources.values()):
        own, own_y = next(iter(source.as_dataset(12)))
        chosen = which == number
        np.testing.assert_array_equal(y.numpy()[chosen], own_y.numpy()[chosen])
        for key in own:
            np.testing.assert_array_equal(inputs[key].numpy()[chosen], own[key].numpy()[chosen])


def test_sources_of_different_sizes_are_padded():
    mixture = episodes.Mixture({"1": glyphs(1), "4": glyphs(4)}, seed=1)
    inputs, _ = next(iter(mixture.as_dataset(16)))
    sizes = inputs["support_mask"].numpy().sum(1)
    np.testing.assert_array_equal(sizes, np.where(mixture.source_of(0, 16) == 0, 3, 12))
    assert inputs["support_x"].shape == (16, 12, 1) and inputs["query_mask"].numpy().all()


def test_probabilities():
    mixture = episodes.Mixture({"a": glyphs(1), "b": glyphs(2)}, {"a": 3, "b": 1})
    share = np.mean(mixture.source_of(0, 4000) == 0)
    assert abs(share - 0.75) < 0.03


def test_a_varied_sampler_mixes_with_others():
    x, y = np.zeros((60, 1), "float32"), np.repeat(np.arange(6), 10)
    varied = episodes.VariedEpisodeSampler(x, y, 2, 3, max_shots=5, max_queries=2)
    inputs, query_y = next(iter(episodes.Mixture({"a": glyphs(1), "b": varied}).as_dataset(8)))
    assert inputs["support_x"].shape[:2] == (8, 15) and query_y.shape == (8, 6)
    assert tf.reduce_all(tf.reduce_sum(inputs["support_mask"], 1) > 0)


@pytest.mark.parametrize(
    "sources, probabilities, message",
    [
        ({}, None, "at least one source"),
        ({"a": 1}, {"a": 0}, "a positive number for each source"),
        ({"a": 1}, {"b": 1}, "a positive number for each source"),
        ({"a": 1, "waves": episodes.Sinusoid()}, None, "same shapes and types"),
    ],
)
def test_bad_arguments(sources, probabilities, message):
    sources = {name: glyphs(1) if source == 1 else source for name, source in sources.items()}
    with pytest.raises(ValueError, match=message):
        episodes.Mixture(sources, probabilities)
