"""Learners that learn a task in the LiteRT interpreter, as they do in Keras."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import generators, learners
from tests.quick import quick_first

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SIDE, SUPPORT, QUERIES = 16, 6, 4


def network(pooling="stride", outputs=3):
    return keras_meta.networks.Conv4(outputs, (SIDE, SIDE, 1), 4, pooling)


def with_pools(activation="relu"):
    """Max-pooling with a rest, and an activation of its own."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(3, 3, activation=activation),
            layers.MaxPooling2D(3),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def with_context():
    body = network().layers[:-1]
    context = keras_meta.layers.Context(4)
    return keras.Sequential([keras.Input((SIDE, SIDE, 1)), *body, context, keras.layers.Dense(3)])


LEARNERS = {
    "ANIL": lambda: learners.ANIL(network(), 0.1, 3),
    "ANIL, statistics of the support set": lambda: learners.ANIL(
        network(), 0.1, 2, batch_norm="support"
    ),
    "CAVIA": lambda: learners.CAVIA(with_context(), 1.0, 2),
    "PrototypicalNetwork": lambda: learners.PrototypicalNetwork(network(), num_ways=3),
    "cosine prototypes": lambda: learners.PrototypicalNetwork(network(), "cosine", 3),
    "MatchingNetwork": lambda: learners.MatchingNetwork(network(), num_ways=3),
    "RelationNetwork": lambda: learners.RelationNetwork(network(), num_ways=3),
    "InContextLearner": lambda: learners.InContextLearner(network(), 8, 2, 2, num_ways=3),
    "generated logistic regression": lambda: learners.LearnerGenerator(
        network(), generators.LogisticRegression(num_ways=3, units=8), task_embedding_size=8
    ),
    "MAML": lambda: learners.MAML(network(), 0.1, 2),
    "MAML, max-pooling": lambda: learners.MAML(network("max"), 0.1, 1),
    "MAML, max-pooling with a rest": lambda: learners.MAML(with_pools(), 0.1, 2),
    "MAML, tanh": lambda: learners.MAML(with_pools("tanh"), 0.1, 1),
}


def seen(learner):
    learner.compile("sgd", LOSS)
    random = np.random.default_rng(0)
    inputs = {
        "support_x": random.normal(size=(1, SUPPORT, SIDE, SIDE, 1)).astype("float32"),
        "support_y": np.tile(np.arange(3, dtype="int32"), (1, SUPPORT // 3)),
        "query_x": random.normal(size=(1, QUERIES, SIDE, SIDE, 1)).astype("float32"),
    }
    return learner, inputs, learner(inputs).numpy()[0]


def lite(learner, path, **kwargs):
    sizes = {"support_size": SUPPORT, "query_size": QUERIES, **kwargs}
    learner.export(path / "learner.tflite", format="litert", verbose=False, **sizes)
    return path / "learner.tflite"


@pytest.mark.parametrize(
    "name", quick_first(LEARNERS, ["PrototypicalNetwork", "MAML, max-pooling"])
)
def test_it_learns_in_the_interpreter_as_in_keras(name, tmp_path):
    learner, inputs, expected = seen(LEARNERS[name]())
    file = lite(learner, tmp_path)
    interpreter = tf.lite.Interpreter(str(file))
    state = interpreter.get_signature_runner("adapt")(
        support_x=inputs["support_x"][0], support_y=inputs["support_y"][0]
    )
    predict = interpreter.get_signature_runner("predict")
    found = predict(query_x=inputs["query_x"][0], **state)["predictions"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_both_signatures_share_the_weights(tmp_path):
    layers = [keras.layers.Flatten(), keras.layers.Dense(400)]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers])
    learner, *_ = seen(learners.PrototypicalNetwork(model, num_ways=3))
    weights = 4 * model.count_params()
    assert weights < lite(learner, tmp_path).stat().st_size < 1.1 * weights


def test_what_is_missing_is_named(tmp_path):
    learner, *_ = seen(learners.MAML(with_pools("elu"), 0.1, 1))
    with pytest.raises(ValueError, match=r"lacks.*`ANIL`.*Received: a learner that needs EluGr"):
        lite(learner, tmp_path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (learners.RidgeLearner, "Received: a learner that needs .*Cholesky.*MatrixTriangularSolve"),
        (learners.SVMLearner, "converter cannot convert .*Received: SVMLearner: "),
    ],
)
def test_heads_that_are_solved_for_do_not_convert(kind, message, tmp_path):
    learner, *_ = seen(kind(network(), num_ways=3))
    with pytest.raises(ValueError, match=message):
        lite(learner, tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"support_size": 0}, "`support_size` must be an integer >= 1. Received: support_size=0"),
        ({"query_size": None}, "`query_size` must be an integer >= 1. Received: query_size=None"),
        ({"num_ways": 5}, "format='litert' with `support_size` and `query_size`. Received:"),
    ],
)
def test_sizes_that_cannot_be_used(kwargs, message, tmp_path):
    learner, *_ = seen(learners.PrototypicalNetwork(network(), num_ways=3))
    with pytest.raises(ValueError, match=re.escape(message)):
        lite(learner, tmp_path, **kwargs)


def test_the_number_of_ways_must_be_fixed(tmp_path):
    learner, *_ = seen(learners.PrototypicalNetwork(network()))
    with pytest.raises(ValueError, match="`learner.num_ways = 5`. Received: .*None"):
        lite(learner, tmp_path)
    learner.num_ways = 3
    lite(learner, tmp_path)


def test_another_file_name(tmp_path):
    learner, *_ = seen(learners.PrototypicalNetwork(network(), num_ways=3))
    with pytest.raises(ValueError, match="must end in `.tflite`. Received: "):
        learner.export(tmp_path, format="litert", support_size=3, query_size=1)


def test_text_is_not_for_lite(tmp_path):
    learner = learners.ANIL(keras_meta.networks.text_embedding(["a b"], 3, units=2), 0.1)
    x = tf.constant([["a", "b", "c"]])
    learner.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner({"support_x": x, "support_y": tf.constant([[0, 1, 2]]), "query_x": x})
    with pytest.raises(ValueError, match="Received: a learner that needs .*StringLower"):
        lite(learner, tmp_path)
