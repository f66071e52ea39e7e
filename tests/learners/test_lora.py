"""LoRA weights of layers deep inside a model, through the life of a learner."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators, learners, networks
from tests.exact import backbones
from tests.learners.table import check_equal_weights, cross_entropy, numbers
from tests.policy_gradients import policies
from tests.quick import quick_first

LABELS = np.tile(np.arange(3, dtype="int32"), (2, 2))
INPUTS = {
    "support_x": backbones.features(2, 3),
    "support_y": LABELS[:, :3],
    "query_x": backbones.features(2, 6),
}
MAKE = {
    "maml": lambda model: learners.MAML(model, 0.5, 2, adapted_weights="lora"),
    "anil": lambda model: learners.ANIL(model, 0.5, 2),
    "ridge": lambda model: learners.RidgeLearner(networks.embedding(model)),
    "network": lambda model: learners.LearnerGenerator(
        networks.embedding(model), generators.NeuralNetwork(backbones.classifier(), units=4)
    ),
}


def compiled(name):
    model = backbones.classifier()
    backbones.stir(model)
    learner = MAKE[name](model)
    learner.compile("adam", cross_entropy(), metrics=["accuracy"])
    return learner


def first_task():
    return keras.tree.map_structure(lambda x: x[0], INPUTS)


@pytest.mark.parametrize("name", quick_first(MAKE, ["maml"]))
def test_learned_adapted_saved_and_exported(name, tmp_path):
    learner, task = compiled(name), first_task()
    frozen = numbers(learner.model.non_trainable_weights)
    data = tf.data.Dataset.from_tensors((INPUTS, LABELS)).repeat()
    losses = learner.fit(data, steps_per_epoch=3, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0] and np.isfinite(learner.evaluate(data.take(1), verbose=0)).all()
    check_equal_weights(frozen, learner.model.non_trainable_weights)
    assert {"lora_kernel_a", "lora_embeddings_b"} <= {v.name for v in learner.trainable_variables}
    expected = learner.predict(INPUTS, verbose=0)

    adapted = learner.adapt(task["support_x"], task["support_y"])
    np.testing.assert_allclose(adapted.predict(task["query_x"], verbose=0), expected[0], atol=1e-5)
    adapted.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(loaded.predict(task["query_x"], verbose=0), expected[0], atol=1e-5)

    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    check_equal_weights(learner.variables, loaded.variables)
    np.testing.assert_array_equal(loaded.predict(INPUTS, verbose=0), expected)
    # The loaded learner goes on like the one that was never interrupted.
    for model in (learner, loaded):
        model.fit(data, steps_per_epoch=2, verbose=0)
    check_equal_weights(learner.variables, loaded.variables)
    check_equal_weights(learner.optimizer.variables, loaded.optimizer.variables)

    expected = loaded.predict(INPUTS, verbose=0)
    loaded.export(tmp_path / "serving", verbose=False)
    serve = tf.saved_model.load(tmp_path / "serving").signatures["serve"]
    named = {
        f"{x}_{key}": value for x in ("support_x", "query_x") for key, value in INPUTS[x].items()
    }
    named = {key: tf.constant(x) for key, x in {**named, "support_y": INPUTS["support_y"]}.items()}
    np.testing.assert_allclose(serve(**named)["predictions"], expected, atol=1e-5)


def test_only_lora_weights_adapt():
    learner, task = compiled("maml"), first_task()
    state = learner.adapt_task(task["support_x"], task["support_y"])
    assert len(state["weights"]) == 8
    adapted = learner.adapted_model(state)
    changed = {
        v.name
        for v, own in zip(adapted.variables, learner.model.variables, strict=True)
        if np.any(v != own)
    }
    assert changed == {
        *("lora_kernel_a", "lora_kernel_b", "lora_embeddings_a", "lora_embeddings_b")
    }


def test_weights_alone_are_saved_and_loaded(tmp_path):
    learner, other = compiled("maml"), compiled("maml")
    for variable in other.model.weights:
        variable.assign(variable + 1.0)
    learner.save_weights(tmp_path / "learner.weights.h5")
    other.load_weights(tmp_path / "learner.weights.h5")
    check_equal_weights(learner.variables, other.variables)


def test_a_policy(tmp_path):
    policy, environment = policies.categorical()
    policy.layers[0].enable_lora(1)
    learner = learners.PolicyGradientMAML(policy, environment, 0.1, adapted_weights="lora")
    backbones.stir(policy)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    check_equal_weights(learner.weights, loaded.weights)
