"""Augmentation of episodes: a function of seed, task and example."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes
from keras_meta.episodes.augmentation import ColorJitter, RandomCrop, RandomErasing, RandomFlip

X = np.random.default_rng(0).integers(0, 256, (40, 9, 7, 3), "uint8")
Y = np.repeat(np.arange(8), 5)
OWN = [RandomCrop(2), ColorJitter(), RandomFlip(), RandomErasing(), RandomErasing(value=0.5)]


def sampler(augment, **kwargs):
    return episodes.EpisodeSampler(X, Y, 3, 2, 3, seed=5, augment=augment, **kwargs)


def values(element):
    return [np.asarray(leaf) for leaf in keras.tree.flatten(element)]


def check_equal(first, second):
    for a, b in zip(values(first), values(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("changes", [OWN, [keras.layers.RandomRotation(0.2)]], ids=["own", "keras"])
def test_tasks_are_the_same_on_devices_after_an_interruption_and_eagerly(changes):
    tasks = sampler(changes)
    whole = list(tasks.as_dataset(4, num_batches=2))
    check_equal(whole[1:], list(sampler(changes).as_dataset(4, num_batches=1, start=1)))
    context = tf.distribute.InputContext(2, 0, 2), tf.distribute.InputContext(2, 1, 2)
    halves = [list(tasks.as_dataset(4, num_batches=2, input_context=c)) for c in context]
    for batch, *parts in zip(whole, *halves, strict=True):
        joined = keras.tree.map_structure(lambda *x: np.concatenate(x), *parts)
        check_equal(batch, joined)
    check_equal(whole[1], tasks.sample(4, 4))


def test_images_of_support_queries_and_tasks_change_independently():
    """Every image is the same, and becomes another one."""
    tasks = episodes.EpisodeSampler(np.broadcast_to(X[:1], X.shape), Y, 3, 2, 3, augment=OWN)
    inputs, _ = tasks.sample(0, 5)
    images = [tf.reshape(inputs[key], [-1, 9 * 7 * 3]) for key in ("support_x", "query_x")]
    assert len(np.unique(np.concatenate(images), axis=0)) == 5 * 3 * (2 + 3)


def test_support_and_queries_may_differ():
    plain, _ = sampler(None).sample(0, 2)
    inputs, _ = sampler({"support": [], "query": [RandomFlip()]}).sample(0, 2)
    check_equal(inputs["support_x"], plain["support_x"])
    flipped = np.any(inputs["query_x"] != plain["query_x"], axis=(2, 3, 4))
    assert 0 < flipped.mean() < 1
    check_equal(inputs["query_x"][flipped], plain["query_x"][flipped][:, :, ::-1])


def test_seeds_differ_and_labels_stay():
    (first, y), (other, _) = sampler(OWN).sample(0, 1), sampler(OWN).sample(1, 1)
    assert np.any(first["support_x"] != other["support_x"])
    check_equal(y, sampler(None).sample(0, 1)[1])


def test_a_change_of_ones_own_draws_new_numbers_at_each_call():
    drawn = []

    def change(images, draw):
        drawn.extend([draw((2,)), draw((2,))])
        return images

    sampler({"support": [change, change], "query": [change]}).sample(3, 4)
    assert drawn[0].shape == (4, 2) and len(np.unique(np.concatenate(drawn))) == 6 * 8
    assert np.min(drawn) >= 0 and np.max(drawn) < 1


def test_tasks_of_varied_size():
    kwargs = {"min_ways": 2, "max_ways": 4, "max_queries": 2, "max_shots": 2, "seed": 1}
    plain = episodes.VariedEpisodeSampler(X, Y, **kwargs)
    changed = episodes.VariedEpisodeSampler(X, Y, augment=[RandomFlip()], **kwargs)
    (inputs, y), (expected, expected_y) = changed.sample(0, 4), plain.sample(0, 4)
    check_equal([inputs["support_mask"], y], [expected["support_mask"], expected_y])
    for key in ("support_x", "query_x"):
        same = np.all(inputs[key] == expected[key], axis=(2, 3, 4))
        mirrored = np.all(inputs[key] == expected[key][:, :, :, ::-1], axis=(2, 3, 4))
        assert np.all(same | mirrored) and not same.all() and not mirrored.all()


@pytest.mark.parametrize(
    "augment", [RandomFlip(), [3], {"support": []}, {"train": [], "query": []}]
)
def test_neither_list_nor_dict(augment):
    with pytest.raises(TypeError, match="`augment` must be a list .* Received: augment="):
        sampler(augment)


def test_examples_that_are_not_images():
    with pytest.raises(ValueError, match="Only examples that are images.*shape=\\(7,\\)"):
        episodes.EpisodeSampler(np.zeros((8, 7)), np.repeat([0, 1], 4), 2, 1, 1, augment=OWN)
    with pytest.raises(ValueError, match="in floating point after `preprocess`"):
        sampler(OWN, preprocess=lambda x: x)
