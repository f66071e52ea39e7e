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
    numbers = mixture.uniform(0, 4000, (1,), stream=0)[:, 0]
    np.testing.assert_array_equal(mixture.source_of(0, 4000), numbers >= 0.75)
    assert abs(np.mean(mixture.source_of(0, 4000) == 0) - 0.75) < 0.02


def test_a_varied_sampler_mixes_with_others():
    x, y = np.arange(60, dtype="float32")[:, None], np.repeat(np.arange(6), 10)
    fixed = glyphs(1)
    varied = episodes.VariedEpisodeSampler(x, y, 2, 3, max_shots=5, max_queries=2)
    mixture = episodes.Mixture({"a": fixed, "b": varied})
    inputs, query_y = next(iter(mixture.as_dataset(8)))
    assert inputs["support_x"].shape[:2] == (8, 15) and query_y.shape == (8, 6)
    sources = mixture.source_of(0, 8).numpy()
    assert set(sources) == {0, 1}
    for task, source in enumerate(sources):
        own, own_y = (varied if source else fixed).sample(task, 1)
        support = own.get("support_mask", tf.ones_like(own["support_y"]))[0].numpy()
        padded = np.pad(support, (0, 15 - len(support)))
        np.testing.assert_array_equal(inputs["support_mask"][task], padded)
        real = padded == 1
        for key in ("support_x", "support_y"):
            expected = own[key][0].numpy()[support == 1]
            np.testing.assert_array_equal(inputs[key][task].numpy()[real], expected)
        np.testing.assert_array_equal(query_y[task], own_y[0])


@pytest.mark.parametrize(
    "sources, probabilities, message",
    [
        ({}, None, "at least one source"),
        ({"a": 1}, {"a": 0}, "a positive number for each source"),
        ({"a": 1}, {"b": 1}, "a positive number for each source"),
        ({"a": 1, "waves": episodes.Sinusoid()}, None, "same shapes and dtypes"),
    ],
)
def test_bad_arguments(sources, probabilities, message):
    sources = {name: glyphs(1) if source == 1 else source for name, source in sources.items()}
    with pytest.raises(ValueError, match=message):
        episodes.Mixture(sources, probabilities)


def test_texts_of_different_numbers_are_padded_with_empty_ones():
    x, y = np.array([f"text {k}" for k in range(60)]), np.repeat(np.arange(6), 10)
    sources = {str(shots): episodes.EpisodeSampler(x, y, 3, shots, 2) for shots in (1, 4)}
    inputs, _ = next(iter(episodes.Mixture(sources, seed=1).as_dataset(16)))
    real = inputs["support_mask"].numpy().astype(bool)
    np.testing.assert_array_equal(inputs["support_x"].numpy() != b"", real)
    assert 0 < real.sum() < real.size
