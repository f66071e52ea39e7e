"""Scores by a network that compares a query with a prototype."""

import keras
import numpy as np

from keras_meta.layers import RelationScores

GENERATOR = np.random.default_rng(0)


def test_each_query_is_compared_with_each_prototype():
    queries, prototypes, bias = (
        GENERATOR.normal(size=s).astype("float32") for s in ((5, 2), (3, 2), (3,))
    )
    relation = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    found = RelationScores(relation)([queries, prototypes, bias])
    kernel, offset = relation.get_weights()
    # The prototype comes first in a pair.
    expected = (prototypes @ kernel[:2])[:, 0] + (queries @ kernel[2:]) + offset + bias
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_maps_are_joined_along_their_channels():
    queries, prototypes = (GENERATOR.normal(size=(n, 2, 3, 1)).astype("float32") for n in (4, 2))
    layers = keras.layers
    relation = keras.Sequential([keras.Input((2, 3, 2)), layers.Flatten(), layers.Dense(1)])
    found = np.asarray(RelationScores(relation)([queries, prototypes, np.zeros(2, "float32")]))
    for i in range(4):
        for n in range(2):
            pair = np.concatenate([prototypes[n], queries[i]], axis=-1)[None]
            np.testing.assert_allclose(found[i, n], relation(pair)[0, 0], atol=1e-5)


def test_training_reaches_the_network():
    relation = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    layer = RelationScores(relation)
    inputs = [np.ones((50, 1), "float32"), np.ones((3, 1), "float32"), np.zeros(3, "float32")]
    assert len(np.unique(layer(inputs))) == 1
    assert len(np.unique(layer(inputs, training=True))) > 1


def test_shape_and_configuration():
    relation = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    layer = RelationScores(relation, name="mine")
    assert layer.compute_output_shape([(None, 2), (3, 2), (3,)]) == (None, 3)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.name == "mine" and copy.relation.get_config() == relation.get_config()
