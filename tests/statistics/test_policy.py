"""The base of policies: what is common to all, and what a policy of one's own does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners, statistics
from keras_meta.inner_loop import rules
from keras_meta.statistics.policy import StatisticsPolicy, is_stored
from tests.statistics import normalized


def test_by_default_a_task_keeps_what_was_written_and_nothing_is_observed():
    policy, written = StatisticsPolicy(), {0: "mean"}
    kept = policy.keep(None, written, normalized.forbidden, 3)
    assert kept == {"statistics": written}
    assert policy.own_state(kept, []) == {} and policy.observed(written) == {}
    assert policy.get_config() == {}


def test_of_the_passes_after_every_step_the_last_is_observed():
    class Observant(StatisticsPolicy):
        def observed(self, written):
            return {"seen": written}

    assert Observant().observed_by_step(["first", "second"]) == {"seen": "second"}


def test_following_leaves_out_frozen_layers_and_what_is_not_of_normalisation():
    function = normalized.functional(momentum=0.5)
    function.model.get_layer("first").trainable = False
    observed = {index: tf.ones((2, 2)) for index in (0, 1, 2)}
    StatisticsPolicy().follow(function, {**observed, 9: tf.ones(2)})
    first_mean, first_variance, mean, variance = normalized.stored(function)
    np.testing.assert_array_equal(first_mean, normalized.STORED[0])
    np.testing.assert_array_equal(first_variance, normalized.STORED[1])
    np.testing.assert_allclose(mean, (normalized.STORED[2] + 1.0) / 2)
    np.testing.assert_array_equal(variance, normalized.STORED[3])  # was not observed


def test_following_nothing():
    function = normalized.functional()
    StatisticsPolicy().follow(function, {})
    for found, before in zip(normalized.stored(function), normalized.STORED, strict=True):
        np.testing.assert_array_equal(found, before)


def test_rules_of_stock_layers_in_inference():
    assert is_stored(rules.stored)
    assert not is_stored(rules.observe) and not is_stored(rules.batch)


@pytest.mark.parametrize("method", ["support", "queries"])
def test_a_subclass_must_define_the_rules(method):
    with pytest.raises(NotImplementedError, match=f"StatisticsPolicy must define `{method}`"):
        getattr(StatisticsPolicy(), method)(None, False)


@keras.saving.register_keras_serializable("tests")
class Scaled(StatisticsPolicy):
    """Divides by a number that is the task's own, and by one that is learned."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def support(self, training, size):
        return lambda layer: (layer.x / self.factor, None)

    def queries(self, state, training):
        return lambda layer: (layer.x / (self.factor * tf.cast(state["size"], layer.x.dtype)), None)

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        return {"statistics": written, "size": size}

    def own_state(self, state, layers):
        return {"size": state["size"]}

    def get_config(self):
        return {"factor": self.factor}


def test_the_adapted_model_has_what_the_policy_needs_of_the_task(tmp_path):
    layers = keras.layers
    body = keras.Sequential([keras.Input((2,)), layers.BatchNormalization(), layers.Dense(1)])
    learner = learners.MAML(body, 0.0, 1, inner_loss="mse", batch_norm=Scaled(5.0))
    model = learner.adapt(normalized.X, np.zeros((3, 1), "float32"))
    kernel, bias = body.get_weights()[-2:]
    expected = normalized.QUERIES / (5.0 * 3) @ kernel + bias
    np.testing.assert_allclose(model.predict(normalized.QUERIES, verbose=0), expected, rtol=1e-5)
    model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(loaded.predict(normalized.QUERIES, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["transductive", "support", "running", "per_step"])
def test_names(name):
    policy = statistics.get(name)
    assert isinstance(policy, StatisticsPolicy)
    assert type(policy) is getattr(statistics, type(policy).__name__)
    assert statistics.serialize(name) == name
    assert name in str(pytest.raises(ValueError, statistics.get, "none").value)


def test_a_policy_is_its_own_name_and_survives_its_configuration():
    policy = Scaled(3.0)
    assert statistics.get(policy) is policy
    copy = keras.saving.deserialize_keras_object(statistics.serialize(policy))
    assert type(copy) is Scaled and copy.factor == 3.0


@pytest.mark.parametrize("wrong", ["frozen", None, 3, StatisticsPolicy])
def test_what_is_no_policy(wrong):
    with pytest.raises(ValueError, match="`batch_norm` must be one of .*Received: batch_norm="):
        statistics.get(wrong)
