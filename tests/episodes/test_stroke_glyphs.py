"""Data sets of invented characters."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


@pytest.fixture(scope="module")
def glyphs():
    return episodes.stroke_glyphs(num_classes=60, examples_per_class=16, seed=0)


def test_arrays(glyphs):
    x, y = glyphs
    assert x.shape == (960, 28, 28, 1) and x.dtype == np.uint8
    assert y[0] == "train-0000" and len(np.unique(y)) == 60
    ink = (x / 255.0).sum((1, 2, 3))
    assert ink.min() > 8 and ink.max() < 300
    assert len(np.unique(x, axis=0)) == 960


def test_a_character_is_a_function_of_seed_split_and_number(glyphs):
    few, _ = episodes.stroke_glyphs(num_classes=3, examples_per_class=16, seed=0)
    np.testing.assert_array_equal(few, glyphs[0][:48])
    for changes in ({"seed": 1}, {"split": "test"}, {"split": "validation"}):
        arguments = {"num_classes": 3, "examples_per_class": 16, "seed": 0, **changes}
        other, _ = episodes.stroke_glyphs(**arguments)
        assert (few != other).any(axis=(1, 2, 3)).all()


def test_characters_are_distinct_but_not_trivially(glyphs):
    x, y = glyphs
    sampler = episodes.EpisodeSampler(x, y, num_ways=5, num_shots=1, num_queries=15)
    inputs, query_y = sampler.sample(0, 300)
    support, query = (inputs[key].numpy().reshape(300, -1, 784) for key in ("support_x", "query_x"))
    distance = (support**2).sum(-1)[:, None] - 2 * query @ support.transpose(0, 2, 1)
    accuracy = (distance.argmin(-1) == query_y.numpy()).mean()
    assert 0.5 < accuracy < 0.72


def test_the_distribution():
    tasks = episodes.StrokeGlyphs(
        num_ways=3, num_shots=2, num_queries=2, num_classes=8, examples_per_class=5, split="test"
    )
    assert (tasks.num_classes, tasks.examples_per_class, tasks.split) == (8, 5, "test")
    assert tasks.classes[-1] == "test-0007"
    inputs, query_y = next(iter(tasks.as_dataset(4)))
    assert inputs["support_x"].shape == (4, 6, 28, 28, 1)
    assert inputs["support_x"].dtype == tf.float32
    assert query_y.shape == (4, 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "`split` must be one of 'train', 'validation', 'test'. .*split='val'."),
        ({"num_classes": 0}, "`num_classes` must be at least 1. Received: num_classes=0."),
        ({"seed": -1}, "`seed` must be at least 0. Received: seed=-1."),
        ({"num_classes": 3}, "num_ways=5 with 3 classes"),
        ({"num_classes": 5, "examples_per_class": 1}, r"num_shots \+ num_queries = 1 \+ 1 = 2"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        episodes.StrokeGlyphs(**arguments)
