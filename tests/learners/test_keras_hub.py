"""Language models of `keras_hub` as bodies, at random weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators, learners
from tests.learners.table import check_equal_weights, cross_entropy

hub = pytest.importorskip(
    "keras_hub", reason="keras_hub is not installed, and is not needed: pip install keras-hub"
)
SIZES = {
    "vocabulary_size": 30,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 8,
    "max_sequence_length": 6,
}


def body(kind, lora):
    """A text as one vector: that of BERT's first token, or of GPT-2's last."""
    backbone = getattr(hub.models, f"{kind}Backbone")(**SIZES)
    if lora:
        backbone.enable_lora(2)  # freezes all other weights
    inputs = {name: keras.Input((6,), dtype="int32", name=name) for name in backbone.input}
    outputs = backbone(inputs)
    return inputs, outputs["pooled_output"] if kind == "Bert" else outputs[:, -1]


def embedding(kind, lora):
    return keras.Model(*body(kind, lora))


def classifier(kind, lora):
    inputs, outputs = body(kind, lora)
    return keras.Model(inputs, keras.layers.Dense(3)(outputs))


MAKE = {
    "maml": lambda kind, lora: learners.MAML(
        classifier(kind, lora), 1.0, adapted_weights="lora" if lora else "all"
    ),
    "anil": lambda kind, lora: learners.ANIL(classifier(kind, lora), 0.1),
    "ridge": lambda kind, lora: learners.RidgeLearner(embedding(kind, lora)),
    "generator": lambda kind, lora: learners.LearnerGenerator(
        embedding(kind, lora), generators.LogisticRegression(3), task_embedding_size=8
    ),
}


def features(model, *shape):
    random = np.random.default_rng(0)
    words = random.integers(0, 30, (*shape, 6)).astype("int32")
    others = {"padding_mask": np.ones_like(words), "segment_ids": np.zeros_like(words)}
    return {name: {"token_ids": words, **others}[name] for name in model.input}


@pytest.mark.parametrize("lora", [True, False])
@pytest.mark.parametrize("kind", ["Bert", "GPT2"])
@pytest.mark.parametrize("name", MAKE)
def test_the_life_of_a_learner_on_a_backbone(name, kind, lora, tmp_path):
    learner = MAKE[name](kind, lora)
    learner.compile("adam", cross_entropy(), metrics=["accuracy"])
    labels = np.tile(np.arange(3, dtype="int32"), (2, 2))
    inputs = {
        "support_x": features(learner.model, 2, 3),
        "support_y": labels[:, :3],
        "query_x": features(learner.model, 2, 6),
    }
    data = tf.data.Dataset.from_tensors((inputs, labels)).repeat()
    learner.fit(data, steps_per_epoch=2, verbose=0)
    assert np.isfinite(learner.evaluate(data.take(1), verbose=0)).all()
    expected = learner.predict(inputs, verbose=0)

    task = keras.tree.map_structure(lambda x: x[0], inputs)
    adapted = learner.adapt(task["support_x"], task["support_y"])
    np.testing.assert_allclose(adapted.predict(task["query_x"], verbose=0), expected[0], atol=1e-4)

    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    check_equal_weights(learner.weights, loaded.weights)  # without the seeds of dropout
    trainable = [v.name for v in learner.trainable_variables]
    assert [v.name for v in loaded.trainable_variables] == trainable
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), expected, atol=1e-5)

    loaded.export(tmp_path / "serving", verbose=False)
    serve = tf.saved_model.load(tmp_path / "serving").signatures["serve"]
    named = {f"{x}_{key}": inputs[x][key] for x in ("support_x", "query_x") for key in inputs[x]}
    named = {key: tf.constant(x) for key, x in {**named, "support_y": labels[:, :3]}.items()}
    np.testing.assert_allclose(serve(**named)["predictions"], expected, atol=1e-4)
