"""The gradient of a mean over tasks, task by task."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop import Outcome, OuterModel
from keras_meta.outer_loop.mean_gradients import mean_gradients, num_tasks

TASKS = tf.constant([[1.0, 2.0], [3.0, 5.0], [0.0, 7.0]])


class Quadratic(OuterModel):
    """Three weights: one that counts, one that does not, and a table of which rows are read."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.used = self.add_weight(shape=(), initializer="ones", name="used")
        self.table = self.add_weight(shape=(4, 2), initializer="ones", name="table")
        self.unused = self.add_weight(shape=(), initializer="ones", name="unused")
        self.compile("sgd")


def learn_with(model):
    def learn(task, seed):
        row = tf.gather(model.table, [1])[0]
        loss = tf.reduce_sum(task * row) * model.used**2
        return Outcome(loss, task + 1.0, {"seed": seed})

    return learn


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
def test_the_mean_over_tasks(compiled, task_map):
    model = Quadratic(task_map=task_map)
    run = tf.function(mean_gradients, autograph=False) if compiled else mean_gradients
    (used, table, unused), outcome = run(model, learn_with(model), TASKS)
    np.testing.assert_allclose(used, 2.0 * np.sum(TASKS) / 3, rtol=1e-6)
    expected = np.zeros((4, 2))
    expected[1] = np.mean(TASKS, 0)
    np.testing.assert_allclose(table, expected, rtol=1e-6)
    assert unused is None
    np.testing.assert_array_equal(outcome.loss, np.sum(TASKS, 1))
    np.testing.assert_array_equal(outcome.predictions, TASKS + 1.0)
    assert len({tuple(seed) for seed in outcome.observed["seed"].numpy()}) == 3


def test_a_frozen_weight_has_no_place_among_them():
    model = Quadratic()
    learn = learn_with(model)
    model.used.trainable = False
    gradients, _ = mean_gradients(model, learn, TASKS)
    assert len(gradients) == len(model.trainable_variables) == 2


def test_an_optimizer_that_scales_the_loss_scales_them():
    model = Quadratic()
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0)
    model.compile(optimizer)
    optimizer.build(model.trainable_variables)
    gradients, outcome = mean_gradients(model, learn_with(model), TASKS)
    np.testing.assert_allclose(gradients[0], 8.0 * 2.0 * np.sum(TASKS) / 3, rtol=1e-6)
    np.testing.assert_array_equal(outcome.loss, np.sum(TASKS, 1))


def test_replicas_of_unequal_share():
    """Their sum is the mean over all tasks, as on one device."""
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        model = Quadratic()
    parts = [TASKS[:2], TASKS[2:]]

    def of_replica(part):
        gradients, outcome = mean_gradients(model, learn_with(model), part)
        return gradients[0], outcome.observed["seed"]

    @tf.function(autograph=False)
    def run():
        values = strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )
        gradient, seeds = strategy.run(of_replica, [values])
        return strategy.reduce("SUM", gradient, None), strategy.experimental_local_results(seeds)

    gradient, seeds = run()
    (expected, *_), alone = mean_gradients(Quadratic(), learn_with(model), TASKS)
    np.testing.assert_allclose(gradient, 2.0 * np.sum(TASKS) / 3, rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate(seeds), alone.observed["seed"])


def test_num_tasks():
    assert num_tasks(TASKS) == 3
    assert num_tasks({"missing": None, "there": [tf.zeros((5, 2))]}) == 5
