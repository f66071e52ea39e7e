"""The base class of all sources of episodes: numbered tasks, and datasets of them."""

import math
import os

import tensorflow as tf

from keras_meta.episodes.arguments import check_integer

# A Philox block yields four 32-bit numbers. The numbers of a task start on a new block.
_NUMBERS_PER_BLOCK = 4
# One batch for the next step, and one in reserve for when a step is shorter than a thread's delay.
_PREFETCHED_BATCHES = 2


class TaskDistribution:
    """A numbered stream of tasks, which `as_dataset()` turns into a dataset.

    Task `t` of a distribution is a pure function of `(seed, t)`: it depends neither on the batch
    that contains it, nor on the number of devices or hosts that share the stream, nor on earlier
    draws. The meta-batch of step `s` consists of the tasks
    `s * batch_size, ..., (s + 1) * batch_size - 1`.

    Subclasses implement `sample()` and take all their random numbers from `uniform()`.

    Args:
        seed: Integer. Distributions with different seeds yield independent streams.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta import episodes

    class Lines(episodes.TaskDistribution):
        def sample(self, first_task, num_tasks):
            slope = self.uniform(first_task, num_tasks, (1, 1), stream=0)
            x = self.uniform(first_task, num_tasks, (15, 1), stream=1)
            y = slope * x
            inputs = {"support_x": x[:, :5], "support_y": y[:, :5], "query_x": x[:, 5:]}
            return inputs, y[:, 5:]

    for inputs, query_y in Lines(seed=1).as_dataset(batch_size=4, num_batches=2):
        assert inputs["support_x"].shape == (4, 5, 1)
    ```
    """

    def __init__(self, seed=0):
        # Any 64-bit integer is a Philox key, so negative seeds are allowed.
        self.seed = check_integer("seed", seed, minimum=-(2**63))

    def sample(self, first_task, num_tasks):
        """Samples the tasks numbered `first_task, ..., first_task + num_tasks - 1`.

        Args:
            first_task: Integer or scalar `int64` tensor.
            num_tasks: Python integer, so that shapes are static.

        Returns:
            `(inputs, query_y)`, where `inputs` is a dict with the keys `"support_x"`,
            `"support_y"` and `"query_x"`. Axis 0 of every tensor has length `num_tasks`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `sample()`.")

    def uniform(self, first_task, num_tasks, shape, stream=0):
        """Draws uniform numbers in `[0, 1)` for consecutive tasks.

        The numbers of task `t` are a fixed section of a counter-based random sequence, so a single
        operation draws those of the whole meta-batch, and each task has its own.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first task.
            num_tasks: Python integer.
            shape: Tuple of integers. The shape of the numbers of one task.
            stream: Integer. Calls for the same task and the same stream return the same numbers.
                Use a different stream for each random quantity.

        Returns:
            A `float32` tensor `[num_tasks, *shape]`.

        Reference:
            Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
        """
        size = math.prod(shape)
        num_blocks = math.ceil(size / _NUMBERS_PER_BLOCK)
        first_block = tf.cast(tf.cast(first_task, tf.int64) * num_blocks, tf.uint64)
        numbers = tf.raw_ops.StatelessRandomUniformV2(
            shape=[num_tasks, num_blocks * _NUMBERS_PER_BLOCK],
            key=tf.constant([self.seed % 2**64], tf.uint64),
            counter=tf.stack([first_block, tf.constant(stream, tf.uint64)]),
            alg=tf.random.Algorithm.PHILOX.value,
        )
        return tf.reshape(numbers[:, :size], [num_tasks, *shape])

    def as_dataset(self, batch_size, num_batches=None, start=0, input_context=None):
        """Returns a `tf.data.Dataset` of meta-batches for `fit()` or `evaluate()`.

        Without `num_batches` the dataset is infinite and never repeats: use it for training, with
        `steps_per_epoch`. With `num_batches` it is finite and the same on every pass: use it for
        validation and testing.

        To resume a training run exactly, pass the number of batches already consumed as `start`.

        To train with several workers, let each worker create its own part of the stream:
        `strategy.distribute_datasets_from_function(lambda context:
        distribution.as_dataset(batch_size, input_context=context))`. At each step the replicas
        together receive the same tasks that one device would receive with the same `batch_size`.

        Args:
            batch_size: Integer. Number of tasks in a meta-batch, over all replicas.
            num_batches: Integer or `None`. Number of meta-batches; infinite by default.
            start: Integer. Index of the first meta-batch.
            input_context: `tf.distribute.InputContext` or `None`. Determines which part of the
                stream to create. Its elements have `batch_size / num_replicas_in_sync` tasks.

        Returns:
            A `tf.data.Dataset` of `(inputs, query_y)` with static shapes and known cardinality.

        Raises:
            ValueError: If an argument is out of range, or `batch_size` is not divisible by the
                number of replicas.
        """
        batch_size = check_integer("batch_size", batch_size, minimum=1)
        start = check_integer("start", start, minimum=0)
        num_replicas, local_replicas, first_replica = 1, 1, 0
        if input_context is not None:
            num_replicas = input_context.num_replicas_in_sync
            local_replicas = num_replicas // input_context.num_input_pipelines
            first_replica = local_replicas * input_context.input_pipeline_id
        if batch_size % num_replicas:
            raise ValueError(
                "`batch_size` must be a multiple of the number of replicas, which all get the same "
                f"number of tasks. Received: batch_size={batch_size} for {num_replicas} replicas."
            )
        num_tasks = batch_size // num_replicas

        # An element is one replica's share of a meta-batch. A worker gives one share to each of its
        # replicas in turn, so consecutive shares belong to the same step until all have one.
        if num_batches is None:
            shares = tf.data.Dataset.counter(start * local_replicas)
        else:
            num_batches = check_integer("num_batches", num_batches, minimum=1)
            shares = tf.data.Dataset.range(
                start * local_replicas, (start + num_batches) * local_replicas
            )

        def sample_share(share):
            step, replica = share // local_replicas, first_replica + share % local_replicas
            return self.sample(step * batch_size + replica * num_tasks, num_tasks)

        options = tf.data.Options()
        # With sharding, each worker would create every episode and discard most of them.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        options.deterministic = True
        # The autotuning thread can miss the end of `fit`, which then waits up to a minute until the
        # thread wakes up. All episodes of a distribution cost the same, so tuning gains nothing.
        options.autotune.enabled = False
        dataset = shares.map(sample_share, num_parallel_calls=os.cpu_count())
        return dataset.with_options(options).prefetch(_PREFETCHED_BATCHES)
