"""What a learner asks of the model that it is given."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop import model_checks

layers = keras.layers


def model(*more, policy=None):
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype=policy), *more])


def several():
    features = {"b": keras.Input((2,), name="b"), "a": keras.Input((3,), dtype="int32", name="a")}
    total = layers.Concatenate()([features["b"], layers.Rescaling(1.0)(features["a"])])
    return keras.Model(features, layers.Dense(2)(total))


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def built_subclass():
    made = Subclass()
    made(np.zeros((1, 3), "float32"))
    return made


def frozen():
    made = model()
    made.trainable = False
    return made


@pytest.mark.parametrize("make", [model, several, built_subclass])
def test_models_that_are_fine(make):
    model_checks.check_model(make())


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: layers.Dense(1), TypeError, "must be a `keras.Model`. Received: <Dense"),
        (
            lambda: keras.Sequential([layers.Dense(1, name="d")]),
            ValueError,
            r"unbuilt layers \['d'",
        ),
        (Subclass, ValueError, "must be built.*unbuilt layers"),
        (frozen, ValueError, "no trainable weights.*with 2 weights, all frozen"),
    ],
)
def test_models_that_are_not(make, error, message):
    with pytest.raises(error, match=message):
        model_checks.check_model(make())


def test_the_policy_is_that_of_the_model():
    assert model_checks.dtype_policy(model()).name == "float32"
    # Loss scaling is needed as soon as one layer computes in half precision.
    assert model_checks.dtype_policy(model(policy="mixed_float16")).name == "mixed_float16"
    assert model_checks.checked_policy(model()).name == "float32"
    assert model_checks.checked_policy(model(), "float32").name == "float32"
    with pytest.raises(ValueError, match="Received: dtype='float16' for a model with 'float32'"):
        model_checks.checked_policy(model(), "float16")
    with pytest.raises(ValueError, match="all frozen"):
        model_checks.checked_policy(frozen())


def test_the_features_it_takes():
    assert model_checks.features_spec(model()).shape.as_list() == [None, 4]
    found = model_checks.features_spec(several())
    assert {key: (x.shape.as_list(), x.dtype) for key, x in found.items()} == {
        "a": ([None, 3], tf.int32),
        "b": ([None, 2], tf.float32),
    }


def test_the_shape_of_what_it_embeds():
    maps = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3)])
    assert model_checks.embedding_shape(maps) == (4, 4, 2)
    assert model_checks.embedding_shape(model()) == (3,)
    assert model_checks.embedding_size(model()) == 3
    assert model_checks.vector_shape(model()) == (3,)


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: keras.Sequential([keras.Input((None, 2)), layers.Conv1D(2, 1)]), r"\(None, None,"),
        (built_subclass, "None"),
        (lambda: keras.Model(x := keras.Input((2,)), [x, layers.Dense(1)(x)]), r"\[\(None, 2\)"),
    ],
)
def test_an_embedding_of_unknown_shape(make, shape):
    for check, what in (
        (model_checks.embedding_shape, "in a known shape"),
        (model_checks.embedding_size, "as a vector of known length"),
    ):
        with pytest.raises(ValueError, match=f"{what}.*with output shape {shape}"):
            check(make())


def test_maps_are_no_vectors():
    maps = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match=r"end it with `Flatten`.*\(None, 4, 4, 2\)"):
        model_checks.embedding_size(maps)
