"""Learners of languages, with networks of the package and of one's own."""

import keras
import numpy as np
import pytest

from keras_meta import episodes
from keras_meta.commands import language_learner
from tests.commands.test_language_data import bigram_model

CODEC = episodes.Characters("abc")


def config(**options):
    sizes = {"length": 6, "filters": 8, "seed": 0, "batch_size": 2, "epoch_iterations": 10}
    learner = {"learner": "maml", "generates": None, "batch_norm": "transductive"}
    steps = {"inner_steps": 2, "eval_inner_steps": 2, "inner_learning_rate": 0.3}
    return {
        "data": "languages",
        **sizes,
        **learner,
        **steps,
        "outer_learning_rate": 1e-3,
        **options,
    }


@pytest.mark.parametrize("name", language_learner.NETWORKS)
def test_networks(name):
    model = language_learner.network(config(network=name), CODEC)
    assert keras.ops.shape(model.layers[1].trainable_variables[0])[0] == 4
    # As long as a query after the longest context.
    assert model(np.zeros((1, 30), "int32")).shape == (1, 30, 4)


def test_the_recipe(tmp_path):
    own = bigram_model(tmp_path / "own.keras", symbols=29)
    tasks = episodes.SyntheticLanguages(num_shots=2, num_queries=2, length=6)
    learner = language_learner.build(config(network=str(own)), tasks)
    assert learner.inner_learning_rate.shape == (2, 2)  # for each step and layer
    assert learner.inner_optimizer.get_config()["global_clipnorm"] == 3.0
    with pytest.raises(ValueError, match="--length"):
        language_learner.build(config(network=str(own), length=10**10), tasks)


def test_networks_that_do_not_fit(tmp_path):
    path, tasks = tmp_path / "own.keras", episodes.SyntheticLanguages(2, 2, length=6)

    def message(*layers, shape=(None,)):
        keras.Sequential([keras.Input(shape, dtype="int32"), *layers]).save(path)
        with pytest.raises(ValueError) as error:
            language_learner.build(config(network=str(path)), tasks)
        return str(error.value)

    layers = keras.layers
    embedding, head = layers.Embedding(29, 3), layers.Dense(29)
    assert "give logits [n, 6, 29]" in message(embedding, layers.Dense(5))
    assert "take symbols [n, 6]" in message(embedding, head, shape=(7,))
    assert "must be causal" in message(embedding, layers.Conv1D(29, 3, padding="same"))
    both = layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True))
    assert "depend on later symbols" in message(embedding, both, layers.Dense(29))
    with pytest.raises(ValueError, match="causal_conv, character_gru, causal_transformer or"):
        language_learner.network(config(network="conv4"), CODEC)
    with pytest.raises(ValueError, match="multiple of 4"):
        language_learner.network(config(network="causal_transformer", filters=6), CODEC)
