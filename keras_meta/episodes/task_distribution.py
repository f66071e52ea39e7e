"""What every source of episodes shares: numbered tasks and the dataset over them."""

import math
import os

import tensorflow as tf

from keras_meta.episodes.arguments import check_integer

# One Philox block yields four 32-bit numbers; a task's numbers start on a block of their own.
_NUMBERS_PER_BLOCK = 4
# One that waits for the step, and one more where a step is short beside the wait for a thread.
_PREFETCHED_BATCHES = 2


class TaskDistribution:
    """A numbered stream of tasks, and `as_dataset()` to train on it.

    Task `t` of a distribution is a pure function of `(seed, t)`: it does not depend on the batch
    it arrives in, on how many devices or hosts share the stream, or on what was drawn before.
    The meta-batch of step `s` holds the tasks `s * batch_size, ..., (s + 1) * batch_size - 1`.

    A subclass implements `sample()` and takes all of its randomness from `uniform()`.

    Args:
        seed: Integer. Distributions with different seeds yield unrelated streams.

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
        # Philox takes any 64-bit key, so a negative seed is as good as a positive one.
        self.seed = check_integer("seed", seed, minimum=-(2**63))

    def sample(self, first_task, num_tasks):
        """Draws the tasks numbered `first_task, ..., first_task + num_tasks - 1`.

        Args:
            first_task: Integer or scalar `int64` tensor.
            num_tasks: Python integer, so that shapes are static.

        Returns:
            `(inputs, query_y)`, where `inputs` is a dict with the keys `"support_x"`,
            `"support_y"` and `"query_x"`, and axis 0 of every tensor has length `num_tasks`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `sample()`.")

    def uniform(self, first_task, num_tasks, shape, stream=0):
        """Draws uniform numbers in `[0, 1)` for consecutive tasks.

        The numbers of task `t` are a fixed section of a counter-based random sequence, so one
        operation serves the whole meta-batch and yet each task has its own numbers.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first task.
            num_tasks: Python integer.
            shape: Tuple of integers. The shape of the numbers of one task.
            stream: Integer. Two calls for the same task with the same stream return the same
                numbers: use a different stream for each quantity that is drawn.

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
        """Makes the `tf.data.Dataset` of meta-batches to pass to `fit()` or `evaluate()`.

        Without `num_batches` the stream is infinite and never repeats: use it to train, with
        `steps_per_epoch`. With `num_batches` it is finite and the same on every pass: use it to
        validate and to test.

        To resume a training run exactly, pass the number of batches already consumed as `start`.

        To train with several workers, let each of them make its own part of the stream:
        `strategy.distribute_datasets_from_function(lambda context:
        distribution.as_dataset(batch_size, input_context=context))`. At each step the replicas
        together receive the very tasks that one device would receive with the same `batch_size`.

        Args:
            batch_size: Integer. Tasks in a meta-batch, over all replicas.
            num_batches: Integer or `None`. Number of meta-batches; infinite by default.
            start: Integer. Index of the first meta-batch.
            input_context: `tf.distribute.InputContext` or `None`. The part of the stream to
                make. Its elements hold `batch_size / num_replicas_in_sync` tasks.

        Returns:
            A `tf.data.Dataset` of `(inputs, query_y)` with static shapes and known cardinality.

        Raises:
            ValueError: If an argument is out of range, or `batch_size` does not divide evenly
                among the replicas.
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
                "`batch_size` must be a multiple of the number of replicas, so that each gets as "
                f"many tasks. Received: batch_size={batch_size} for {num_replicas} replicas."
            )
        num_tasks = batch_size // num_replicas

        # An element is one replica's share of a meta-batch. A worker hands a share to each of its
        # replicas in turn, so its share numbers run within a step before they jump to the next.
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
        # Sharding would have each worker make every episode and throw most of them away.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        options.deterministic = True
        # The tuner's thread can miss that `fit` has ended: it then sleeps on, for up to a minute,
        # and `fit` waits for it. Episodes of one distribution cost the same, so need no tuning.
        options.autotune.enabled = False
        dataset = shares.map(sample_share, num_parallel_calls=os.cpu_count())
        return dataset.with_options(options).prefetch(_PREFETCHED_BATCHES)
