"""What the replicas of a `tf.distribute` strategy, on one machine or several, must do together.

Each replica has some tasks of the batch, not always as many: what is a mean over the batch on one
device must be the same mean on many.
"""

import keras
import tensorflow as tf


def count():
    """Number of replicas that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def part(value):
    """A value of the whole batch as the part of one replica, whose parts Keras adds up."""
    return value if count() == 1 else value / tf.cast(count(), value.dtype)


def whole(value):
    """A value that Keras has divided among replicas, undivided."""
    return value if count() == 1 else value * tf.cast(count(), value.dtype)


def place_in_batch(num_tasks):
    """Where the tasks of this replica are in the batch. All replicas must ask, outside of loops.

    Args:
        num_tasks: Scalar int tensor, tasks of this replica.

    Returns:
        Tuple `(first, share)`: the number of its first task in the batch, and how many tasks it has
        in relation to the mean over replicas, or `None` if it has them all.
    """
    replica = tf.distribute.get_replica_context()
    if count() == 1 or replica is None:  # not inside a step: there is nothing to share
        return 0, None
    number = replica.replica_id_in_sync_group
    mine = tf.one_hot(number, count(), dtype="float64") * tf.cast(num_tasks, "float64")
    tasks = replica.all_reduce(tf.distribute.ReduceOp.SUM, mine)
    first = tf.cumsum(tasks, exclusive=True)[number]
    return tf.cast(first, "int32"), tasks[number] * count() / tf.reduce_sum(tasks)


def total(value):
    """The sum of the values of all replicas. All replicas must ask, outside of loops."""
    replica = tf.distribute.get_replica_context()
    if count() == 1 or replica is None:  # not inside a step: there is nothing to add
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


def mean_over_tasks(values):
    """Means of tensors `[tasks, ...]`, over the tasks of all replicas."""
    if not values or count() == 1:
        return [tf.reduce_mean(value, axis=0) for value in values]
    sums = [tf.reduce_sum(value, axis=0) for value in values]
    num_tasks = tf.cast(tf.shape(values[0])[0], sums[0].dtype)
    flat = [tf.reshape(x, [-1]) for x in [*sums, num_tasks]]
    replica = tf.distribute.get_replica_context()
    joined = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(flat, 0))
    *parts, num_tasks = tf.split(joined, [x.shape[0] for x in flat])
    return [tf.reshape(part / num_tasks, x.shape) for part, x in zip(parts, sums, strict=True)]


def local_batch(strategy, batch):
    """The part of a distributed batch that one replica of this process has."""
    return keras.tree.map_structure(lambda x: strategy.experimental_local_results(x)[0], batch)


def reducible(logs):
    """Logs of a step, in the form in which Keras takes their mean over replicas.

    Between machines it takes it along axis 0, which scalars do not have.
    """
    several = on_several_machines(tf.distribute.get_strategy())
    return {key: x[None] for key, x in logs.items()} if several else logs


def on_several_machines(strategy):
    """Whether other processes hold some of the replicas."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and (
        strategy.num_replicas_in_sync > len(strategy.extended.worker_devices)
    )


def check_stream(strategy, data):
    """Raises if every worker would train on the same tasks.

    Args:
        strategy: `tf.distribute.Strategy`.
        data: What `fit` was given.

    Raises:
        ValueError: If it is a dataset that is not to be divided among workers.
    """
    if not isinstance(data, tf.data.Dataset) or not on_several_machines(strategy):
        return
    policy = data.options().experimental_distribute.auto_shard_policy
    if policy == tf.data.experimental.AutoShardPolicy.OFF:
        raise ValueError(
            "On several machines each worker must draw its own part of the tasks. Pass "
            "`strategy.distribute_datasets_from_function(lambda context: "
            "distribution.as_dataset(batch_size, input_context=context))`. Received: a dataset "
            f"that all {strategy.num_replicas_in_sync} replicas would read from the start."
        )
