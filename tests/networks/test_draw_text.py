"""Text is drawn from the distribution of the model, as far as the model sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes import Characters
from keras_meta.networks import CausalConvNet, draw_text

CODEC = Characters("abcd")


def chain(probabilities):
    """A model in which the next symbol depends on the last alone, by these probabilities."""
    layer = keras.layers.Embedding(5, 5)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer])
    layer.set_weights([np.log(np.asarray(probabilities, "float32") + 1e-9)])
    return model


CYCLE = chain(np.eye(5)[[1, 2, 3, 4, 1]])  # a, b, c, d, a, ...


@pytest.mark.parametrize("context", [1, 3, 64])
def test_a_model_that_is_certain(context):
    assert draw_text(CYCLE, CODEC, "ab", 6, context=context) == ["cdabcd"]
    assert draw_text(CYCLE, CODEC, "d", 3, temperature=0, num_texts=2) == ["abc", "abc"]


def test_frequencies_and_temperature():
    model = chain([[0, 0.1, 0.2, 0.3, 0.4]] * 5)
    for temperature in (1.0, 0.5):
        (text,) = draw_text(model, CODEC, "a", 4000, temperature)
        expected = np.array([0.1, 0.2, 0.3, 0.4]) ** (1 / temperature)
        found = np.array([text.count(letter) for letter in "abcd"]) / 4000
        np.testing.assert_allclose(found, expected / expected.sum(), atol=0.03)
    assert draw_text(model, CODEC, "a", 5, temperature=0) == ["ddddd"]


def test_the_text_is_a_function_of_the_seed():
    model = chain([[0, 0.25, 0.25, 0.25, 0.25]] * 5)
    one, two = draw_text(model, CODEC, "a", 50, num_texts=2, seed=1)
    assert one != two
    assert draw_text(model, CODEC, "a", 50, num_texts=2, seed=1) == [one, two]
    assert draw_text(model, CODEC, "a", 50, num_texts=2, seed=2) != [one, two]


def test_a_model_sees_its_context():
    """The likeliest text, symbol by symbol, by hand."""
    model = CausalConvNet(CODEC.size, width=8)
    context, symbols = 5, list(CODEC.encode("abca"))
    for _ in range(8):
        logits = model(np.array([symbols[-context:]]))[0, -1]
        symbols.append(int(tf.argmax(logits)))
    (text,) = draw_text(model, CODEC, "abca", 8, temperature=0, context=context)
    assert text == CODEC.decode(symbols[4:])


def test_a_model_of_fixed_length():
    fixed = keras.Sequential([keras.Input((4,), dtype="int32"), *CYCLE.layers])
    assert draw_text(fixed, CODEC, "abcdab", 3) == ["cda"]


@pytest.mark.parametrize("arguments", [{"prompt": ""}, {"prompt": "a", "temperature": -1.0}])
def test_arguments(arguments):
    with pytest.raises(ValueError, match="`prompt` must have at least one character.*Received"):
        draw_text(CYCLE, CODEC, **arguments)
