"""Texts all the way: from arrays of strings to a SavedModel that takes strings."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.episodes import EpisodeSampler
from keras_meta.networks import text_embedding
from tests.learners.table import LEARNERS, compiled

WORDS = ["rot", "grün", "blau", "十", "a", "of", "the"]


def texts():
    """Texts of six labels, of unequal length: `(texts, labels)`."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 10)
    filler = [" ".join(random.choice(WORDS, random.integers(0, 6))) for _ in labels]
    return np.array(
        [f"Topic{y}, {x}!" for x, y in zip(filler, labels, strict=True)], object
    ), labels


def recurrent():
    """A user's model: strings, an adapted vocabulary, an LSTM."""
    layers = keras.layers
    words = layers.TextVectorization()
    words.adapt(texts()[0])
    embedding = layers.Embedding(words.vocabulary_size(), 6, mask_zero=True)
    # Learners that modulate the body need a layer for it.
    dense = [layers.Dense(6, "tanh"), layers.Dense(3)]
    return keras.Sequential(
        [keras.Input((), dtype="string"), words, embedding, layers.LSTM(6), *dense]
    )


def sampler(x=None):
    own, y = texts()
    return EpisodeSampler(own if x is None else x, y, 3, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_the_life_of_a_learner_of_texts(name, tmp_path, check_in_clean_process):
    learner = compiled(name, recurrent())
    validation = sampler().as_dataset(2, num_batches=1)
    before = learner.evaluate(validation, verbose=0, return_dict=True)
    learner.fit(sampler().as_dataset(2), steps_per_epoch=2, verbose=0)
    assert learner.evaluate(validation, verbose=0, return_dict=True) != before
    ((inputs, _),) = validation
    expected = learner.predict(inputs, verbose=0)
    assert expected.shape == (2, 6, 3) and np.isfinite(expected).all()

    # As Python strings, which are not those of the dataset.
    task = learner.adapt([x.decode() for x in inputs["support_x"][0].numpy()], [0, 1, 2])
    queries = inputs["query_x"][0]
    np.testing.assert_allclose(task.predict(queries, verbose=0), expected[0], atol=1e-5)
    task.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(loaded.predict(queries, verbose=0), expected[0], atol=1e-5)

    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), expected)
    found = predicted_in_clean_process(loaded, inputs, tmp_path, check_in_clean_process)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def predicted_in_clean_process(learner, inputs, folder, check_in_clean_process):
    """The predictions of what is exported, where neither Keras nor this library is."""
    learner.export(folder / "serving", verbose=False)
    # In a file without Python objects, strings are NumPy's.
    arrays = {
        key: np.array(x.numpy().tolist(), None if x.dtype == tf.string else x.dtype.name)
        for key, x in inputs.items()
    }
    np.savez(folder / "data.npz", **arrays)
    check_in_clean_process("learner", folder / "serving", folder / "data.npz")
    return np.load(folder / "data.npz")["predictions"]


def test_an_exported_learner_takes_texts_that_were_never_seen(tmp_path):
    """Any number of labels, shots and queries; empty texts and other alphabets."""
    learner = learners.RidgeLearner(text_embedding(texts()[0], units=8))
    learner(next(iter(sampler().as_dataset(1)))[0])
    learner.export(tmp_path, verbose=False)
    endpoint = tf.saved_model.load(tmp_path).signatures["adapt_and_predict"]
    support = tf.constant(["topic1", "topic2 grün", "topic3", "日本語", ""])
    labels = tf.constant([0, 1, 2, 3, 0])
    queries = tf.constant(["Topic3?", "", "neu"])
    found = endpoint(support_x=support, support_y=labels, query_x=queries)["predictions"]
    assert found.shape == (3, 4) and np.isfinite(found).all() and np.argmax(found[0]) == 2
    np.testing.assert_array_equal(found[1], np.zeros(4))


@pytest.mark.parametrize("dtype", ["O", "U", "S"])
def test_strings_of_any_kind_are_the_same_tasks(dtype):
    x = texts()[0]
    x = np.array([t.encode() for t in x]) if dtype == "S" else x.astype(dtype)
    inputs, _ = sampler(x).sample(0, 2)
    expected, _ = sampler().sample(0, 2)
    for key in ("support_x", "query_x"):
        assert inputs[key].dtype == tf.string
        np.testing.assert_array_equal(inputs[key], expected[key])


def test_a_model_of_numbers_says_that_it_got_texts_and_the_other_way_round():
    numbers = keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(9, 3)])
    learner = learners.MAML(numbers, 0.1, inner_loss="mse")
    inputs, _ = sampler().sample(0, 1)
    with pytest.raises(ValueError, match="TextVectorization.*type string for a model with.*int32"):
        learner(inputs)
    learner = learners.RidgeLearner(text_embedding(texts()[0]))
    inputs = {**inputs, "support_x": inputs["support_y"], "query_x": inputs["support_y"]}
    with pytest.raises(ValueError, match="type int32 for a model with input of type string"):
        learner(inputs)
