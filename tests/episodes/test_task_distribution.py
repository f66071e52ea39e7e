"""Numbered tasks: what a task depends on, and what it does not."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


class Numbered(episodes.TaskDistribution):
    """Every tensor of task t holds t, then numbers drawn for t."""

    traces = 0

    def sample(self, first_task, num_tasks):
        Numbered.traces += 1
        task = tf.cast(first_task + tf.range(num_tasks, dtype=tf.int64), tf.float32)
        drawn = self.uniform(first_task, num_tasks, (3,))
        drawn = tf.concat([task[:, None], drawn], axis=1)
        return {"support_x": drawn, "support_y": drawn, "query_x": drawn}, drawn


def values(dataset):
    return [query_y.numpy() for _, query_y in dataset]


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    first, again, other = (
        np.concatenate(values(Numbered(seed).as_dataset(4, num_batches=3))) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.isin(first[:, 1:], other[:, 1:]).any()


@pytest.mark.parametrize("num_batches", [5, None])
def test_start_equals_passing_through(num_batches):
    tasks = Numbered(3)
    passed = values(tasks.as_dataset(4, num_batches=5))[3:]
    resumed = values(tasks.as_dataset(4, num_batches=num_batches, start=3).take(2))
    np.testing.assert_array_equal(passed, resumed)


def test_a_task_does_not_depend_on_the_batch_size():
    tasks = Numbered(3)
    by_four, by_six = (
        np.concatenate(values(tasks.as_dataset(size, 12 // size))) for size in (4, 6)
    )
    np.testing.assert_array_equal(by_four, by_six)


def test_tasks_differ_and_streams_differ():
    tasks = Numbered(0)
    drawn = np.stack([tasks.uniform(0, 50, (5,), stream=stream) for stream in (0, 1)])
    assert len(np.unique(drawn)) == drawn.size
    assert drawn.min() >= 0.0 and drawn.max() < 1.0


def test_uniform_numbers_are_uniform():
    drawn = Numbered(1).uniform(0, 2000, (5,)).numpy()
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    chi_square = ((counts - 500) ** 2 / 500).sum()
    assert 5 < chi_square < 45  # 19 degrees of freedom
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.08


def test_a_very_late_task_and_a_negative_seed_work():
    drawn = Numbered(-5).uniform(tf.constant(2**40, tf.int64), 4, (3, 2))
    assert drawn.shape == (4, 3, 2)
    assert len(np.unique(drawn)) == 24


@pytest.mark.parametrize(("workers", "replicas_each"), [(2, 1), (2, 2), (3, 1)])
def test_workers_share_each_step_of_the_stream(workers, replicas_each):
    tasks, replicas = Numbered(5), workers * replicas_each
    shares = [
        values(
            tasks.as_dataset(
                12,
                num_batches=3,
                start=1,
                input_context=tf.distribute.InputContext(workers, worker, replicas),
            )
        )
        for worker in range(workers)
    ]
    whole = values(tasks.as_dataset(12, num_batches=3, start=1))
    for step in range(3):
        of_step = [
            share
            for worker in shares
            for share in worker[step * replicas_each : (step + 1) * replicas_each]
        ]
        assert {len(share) for share in of_step} == {12 // replicas}
        np.testing.assert_array_equal(np.concatenate(of_step), whole[step])


def test_mirrored_strategy_gets_the_whole_batch():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    tasks = Numbered(5)
    dataset = strategy.distribute_datasets_from_function(
        lambda context: tasks.as_dataset(4, num_batches=2, input_context=context)
    )
    seen = [strategy.experimental_local_results(query_y)[0] for _, query_y in dataset]
    np.testing.assert_array_equal(seen, values(tasks.as_dataset(4, num_batches=2)))


def test_cardinality_options_and_static_shapes():
    infinite, finite = Numbered().as_dataset(4), Numbered().as_dataset(4, num_batches=7, start=2)
    assert infinite.cardinality() == tf.data.INFINITE_CARDINALITY
    assert finite.cardinality() == 7
    off = tf.data.experimental.AutoShardPolicy.OFF
    for dataset in (infinite, finite):
        assert dataset.options().experimental_distribute.auto_shard_policy == off
        assert dataset.options().deterministic
        # Or the end of `fit` waits for the tuner, see `as_dataset`.
        assert dataset.options().autotune.enabled is False
        assert dataset.element_spec[1].shape == (4, 4)


def test_a_finite_dataset_repeats_itself():
    dataset = Numbered(2).as_dataset(3, num_batches=2)
    np.testing.assert_array_equal(values(dataset), values(dataset))


def test_the_episode_function_is_traced_once():
    dataset = Numbered().as_dataset(2)
    Numbered.traces = 0
    for _ in range(2):
        values(dataset.take(10))
    assert Numbered.traces == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1. Received: batch_size=0."),
        ({"batch_size": 2.0}, TypeError, "must be an integer. Received: batch_size=2.0."),
        ({"batch_size": True}, TypeError, "must be an integer. Received: batch_size=True."),
        ({"batch_size": 2, "num_batches": 0}, ValueError, "Received: num_batches=0."),
        ({"batch_size": 2, "start": -1}, ValueError, "Received: start=-1."),
        (
            {"batch_size": 3, "input_context": tf.distribute.InputContext(2, 0, 2)},
            ValueError,
            "multiple of the number of replicas.*Received: batch_size=3 for 2 replicas.",
        ),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Numbered().as_dataset(**arguments)


def test_wrong_seed_and_missing_sample():
    with pytest.raises(TypeError, match="`seed` must be an integer. Received: seed='a'."):
        episodes.TaskDistribution(seed="a")
    with pytest.raises(NotImplementedError, match="TaskDistribution must implement `sample..`"):
        episodes.TaskDistribution().sample(0, 1)
