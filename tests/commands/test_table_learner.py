"""Learners of tables, with networks of one's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators, networks
from keras_meta.commands import table_learner
from tests.networks.test_table_network import tasks


def config(**options):
    settings = {"learner": "generator", "generates": "film", "network": "table_network"}
    settings |= {"task": "plant", "data": "plants.csv", "batch_norm": "transductive", "seed": 0}
    settings |= {"inner_steps": 0, "eval_inner_steps": 0, "inner_learning_rate": 0.05}
    return {**settings, "outer_learning_rate": 1e-3, "epoch_iterations": 10, **options}


def test_a_network_of_ones_own(tmp_path):
    source = tasks()
    own, other = networks.table_network(source, units=(3,)), tmp_path / "other.keras"
    own.save(tmp_path / "own.keras")
    found = table_learner.network(config(network=str(tmp_path / "own.keras")), source)
    x = {"day": np.array([1.0], "float32"), "soil": np.array(["clay"])}
    np.testing.assert_allclose(found(x), own(x))
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(other)
    with pytest.raises(ValueError, match="does not fit the table, which has .*'day', 'soil'"):
        table_learner.network(config(network=str(other)), source)


def test_a_generated_network_reads_standardised_values():
    source = tasks()
    learner = table_learner.build(config(), source)
    assert type(learner.generated) is generators.FiLM
    y = tf.constant(source.table.y[:, None], tf.float32)
    targets, are_classes = learner.generated.targets(y)
    assert not are_classes and abs(np.mean(targets)) < 1e-5 and abs(np.std(targets) - 1) < 1e-5
    assert learner.loss.scale == pytest.approx(source.table.y.std())
    with pytest.raises(ValueError, match="--generates film or network. Received: .*linear"):
        table_learner.build(config(generates="linear"), source)
