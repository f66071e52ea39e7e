"""The outer model: from a batch of tasks, of whatever kind, to an outer step."""

import collections
import contextlib

import keras
import tensorflow as tf

from keras_meta.exact import private, replicas
from keras_meta.exact.custom_gradient import own_gradients
from keras_meta.inner_loop.functional import fold_in
from keras_meta.outer_loop import divergence, task_map
from keras_meta.outer_loop.graph_constant import GraphConstant, one_of
from keras_meta.outer_loop.mean_gradients import mean_gradients, num_tasks

Outcome = collections.namedtuple("Outcome", ["loss", "predictions", "observed"])
Outcome.__doc__ = """The result of learning a task, or (with a leading axis of tasks) of a batch.

Attributes:
    loss: Scalar tensor, what the outer loop minimises; `None` where nothing tells it.
    predictions: Nest of tensors.
    observed: Nest of tensors that `OuterModel.absorb` takes in, such as statistics.
"""


class OuterModel(private.BuildsByReplica, keras.Model):
    """A Keras model that learns from batches of tasks.

    A task is a nest of tensors into which this class never looks: a labelled episode, or the
    parameters of an environment to act in. A batch of tasks is such a nest with tasks on axis 0. A
    subclass says what learning a task means, in `learn_task`, and `fit` minimises

        mean over tasks of  learn_task(task, training=True, seed).loss

    task by task in one graph loop, so that memory does not grow with their number. Compiling,
    callbacks, mixed precision, replicas and interruption are as in any Keras model. Random numbers
    that are drawn while learning come from the seed of the task, which is a function of the
    learner's seed, the outer step and the task's number in its batch.

    Subclasses may define: `unpack`, which makes tasks of what `fit` is given; `meta_gradients`,
    where they are not those of the loss; `outer_update`, where an outer step is more than one step
    of the optimizer, such as a line search; `absorb`, for what is learned without a gradient.

    Args:
        task_map: `"loop"`, `"vectorize"`, or `"auto"` to choose.
        seed: int. Seed of all random numbers inside tasks.
        name: Optional name.
        dtype: Policy of the model. See `keras.Model`.

    Example:

    ```python
    import keras
    import tensorflow as tf
    from keras_meta.outer_loop import Outcome, OuterModel

    class Bandits(OuterModel):
        '''Learns how many pulls of each arm to expect reward from; a task is its arms.'''

        def __init__(self, arms):
            super().__init__()
            self.logits = self.add_weight(shape=(arms,), initializer="zeros", name="logits")

        def learn_task(self, arms, training, seed):
            pulls = tf.random.stateless_categorical(self.logits[None], 20, seed)[0]
            rewards = tf.gather(arms, pulls)
            log_p = tf.gather(tf.nn.log_softmax(self.logits), pulls)
            loss = -tf.reduce_mean(log_p * (rewards - tf.reduce_mean(rewards)))
            return Outcome(loss, rewards, {})

    learner = Bandits(arms=3)
    learner.compile(keras.optimizers.SGD(1.0))
    tasks = tf.data.Dataset.from_tensors(tf.constant([[0.1, 0.2, 0.9]] * 8)).repeat()
    learner.fit(tasks, steps_per_epoch=20, verbose=0)
    assert int(tf.argmax(learner.logits)) == 2
    ```
    """

    task_map = GraphConstant(one_of("task_map", task_map.TASK_MAPS))

    def __init__(self, task_map="auto", seed=0, name=None, dtype=None):
        # Labels and regression targets are not to be cast to half precision on the way in.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.task_map = task_map
        self.seed = seed
        # XLA, which Keras turns on by itself on a GPU, is slower or fails on loops over tasks.
        self.supports_jit = False
        self.built = True

    @property
    def compute_dtype(self):
        """Dtype of the adapted weights: that of the variables. Layers compute in their own.

        Inside `call`, Keras reads variables in the compute dtype, even without autocast.
        """
        return self.variable_dtype

    # The parts that a subclass may define.

    def learn_task(self, task, training, seed):
        """Learns one task.

        Args:
            task: Nest of tensors: one of the tasks that `unpack` returns.
            training: bool. Whether the outer loop learns from it.
            seed: int tensor `[2]`, of this task alone.

        Returns:
            An `Outcome`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `learn_task`.")

    def unpack(self, data):
        """Returns the batch of tasks in an element of a dataset, checked.

        Args:
            data: What `fit` or `evaluate` was given.

        Returns:
            Nest of tensors `[tasks, ...]`; `None` may stand for a tensor.
        """
        return data[0] if isinstance(data, tuple) and len(data) == 1 else data

    def unpack_inputs(self, inputs):
        """Returns the batch of tasks in what the model is called with, without what tells its loss.

        Args:
            inputs: What `predict` was given.
        """
        return self.unpack(inputs)

    def meta_gradients(self, tasks):
        """Gradient of the mean loss over tasks, in all trainable variables.

        Args:
            tasks: A batch of tasks, as `unpack` returns it.

        Returns:
            Tuple `(gradients, outcome)`, with an `Outcome` that has a leading axis of tasks. A
            variable that the loss does not depend on has gradient `None`. Under a compiled
            `LossScaleOptimizer` the gradients are scaled.
        """
        return mean_gradients(
            self, lambda task, seed: self.learn_task(task, training=True, seed=seed), tasks
        )

    def outer_update(self, tasks):
        """Takes one outer step: the optimizer's, along the meta-gradients.

        Args:
            tasks: A batch of tasks, as `unpack` returns it.

        Returns:
            The `Outcome` of learning the tasks before the step.
        """
        parameters = self.trainable_variables
        gradients, outcome = self.meta_gradients(tasks)
        if all(gradient is None for gradient in gradients):
            raise ValueError(
                "No weight has a meta-gradient: the outer loss does not depend on the model. "
                f"Received: a model with {len(parameters)} trainable variables."
            )
        with tf.control_dependencies(divergence.watch(self, tasks, outcome.loss)):
            # The report is on the weights before this step.
            gradients = [None if g is None else tf.identity(g) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, parameters, strict=True))
        own_gradients()
        self.absorb(outcome.observed)
        return outcome

    def absorb(self, observed):
        """Takes in what was observed while the tasks of an outer step were learned.

        Args:
            observed: Nest of tensors `[tasks, ...]`.
        """

    def scored(self, tasks, predictions):
        """Returns what the compiled metrics are given: `(x, y, y_pred, sample_weight)`."""
        return tasks, None, predictions, None

    def how_learning_went(self, task):
        """A sentence on how learning a task went, for a report of divergence; or `""`."""
        del task
        return ""

    def task_map_of(self, tasks):
        """`"loop"` or `"vectorize"`, for this batch."""
        del tasks
        return self.chosen_task_map()

    def chosen_task_map(self):
        """`"loop"` or `"vectorize"`."""
        return "loop" if self.task_map == "auto" else self.task_map

    # What follows from them.

    def call(self, inputs, training=False):
        """Learns each task and returns its predictions, with a leading axis of tasks."""
        return self.learn_tasks(self.unpack_inputs(inputs), training).predictions

    def learn_tasks(self, tasks, training=False):
        """Learns each task of a batch, without an outer step.

        Args:
            tasks: A batch of tasks, as `unpack` returns it.
            training: bool. Whether as in fitting, with the seeds of this outer step, or as in
                evaluation, with seeds that are the same each time.

        Returns:
            An `Outcome` with a leading axis of tasks.
        """
        first_task, _ = replicas.place_in_batch(num_tasks(tasks))

        def learn(task, seed):
            return (), self.learn_task(task, training, seed)

        return self.map_tasks(learn, tasks, self.outer_step if training else 0, first_task)[1]

    def train_step(self, data):
        """One outer step."""
        tasks = self.unpack(data)
        return self.report(tasks, self.outer_update(tasks))

    def test_step(self, data):
        """Loss and metrics of one batch of tasks. Changes no stored state."""
        tasks = self.unpack(data)
        outcome = self.learn_tasks(tasks)
        divergence.watch(self, tasks, outcome.loss)
        return self.report(tasks, outcome)

    @property
    def outer_step(self):
        """Number of outer steps that were taken, an int or a scalar int tensor."""
        return 0 if self.optimizer is None else tf.cast(self.optimizer.iterations, tf.int64)

    def map_tasks(self, function, tasks, outer_step=0, first_task=0):
        """Applies a function to each task, and sums or stacks what it returns.

        Args:
            function: Callable, `(task, seed) -> (to_sum, to_stack)`.
            tasks: A batch of tasks.
            outer_step: int or scalar int tensor, on which the seeds depend: 0 in evaluation, which
                is the same each time.
            first_task: int or scalar int tensor. Number of the first of these tasks in its batch,
                of which a replica has a part.

        Returns:
            Tuple `(summed, stacked)` of what was returned. See `task_map.map_tasks`.
        """
        of_step = fold_in(tf.constant([self.seed, 0], tf.int64), outer_step)

        def of_task(task, index):
            return function(task, fold_in(of_step, index + first_task))

        return task_map.map_tasks(of_task, tasks, self.task_map_of(tasks))

    def scale_loss(self, loss):
        """A compiled `LossScaleOptimizer` divides gradients by what it multiplies a loss with."""
        return loss if self.optimizer is None else self.optimizer.scale_loss(loss)

    def report(self, tasks, outcome):
        """Updates the loss and the compiled metrics, and returns their values."""
        number = tf.shape(outcome.loss)[0]
        loss = tf.math.divide_no_nan(
            tf.reduce_sum(outcome.loss), tf.cast(number, outcome.loss.dtype)
        )
        private.loss_tracker(self).update_state(loss, sample_weight=number)
        x, y, y_pred, sample_weight = self.scored(tasks, outcome.predictions)
        return replicas.reducible(self.compute_metrics(x, y, y_pred, sample_weight))

    # Compiled steps.

    def fit(self, x=None, *args, **kwargs):
        """Meta-trains, as `keras.Model.fit` does with tasks for examples."""
        replicas.check_stream(self.distribute_strategy, x)
        if isinstance(x, tf.data.Dataset):
            # Keras would warn that its default, to shuffle, does not apply to a dataset.
            kwargs.setdefault("shuffle", False)
            self._build_ahead(x.element_spec)
        return super().fit(x, *args, **kwargs)

    def build_metrics(self, batch_spec):
        """Creates the variables of compiled metrics, by the element spec of a dataset."""
        if all(getattr(metric, "built", True) for metric in self.metrics):
            return

        def scored(batch):
            tasks = self.unpack(batch)
            return self.scored(tasks, self.learn_tasks(tasks).predictions)[1:]

        traced = tf.function(scored, autograph=False).get_concrete_function(batch_spec)
        self.compute_metrics(None, *zeros(traced.structured_outputs))
        self.reset_metrics()

    def _build_ahead(self, batch_spec):
        """Creates the variables of compiled metrics and of the optimizer before the first step.

        A step that creates variables is traced twice, and callbacks may restore them before it.
        """
        if private.has_strategy(self) or self.optimizer is None:
            return  # Keras does it, or there is nothing to create.
        # The first step reports what is wrong with a batch, in terms of tasks.
        with contextlib.suppress(ValueError, KeyError, tf.errors.InvalidArgumentError):
            self.build_metrics(batch_spec)
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)

    def traced(self, key, function):
        """Returns `function` as a `tf.function`, the same one for the same `key`."""
        traces = self.__dict__.setdefault("_traces", {})
        if key not in traces:
            traces[key] = tf.function(function, reduce_retracing=True, autograph=False)
        return traces[key]

    def forget_traces(self):
        """Makes `fit`, `evaluate`, `predict` and all that is `traced` trace anew."""
        self.__dict__.pop("_traces", None)
        private.forget_compiled_steps(self)


def zeros(specs):
    """Tensors of these specs, with two where any number is meant: one would mean one class."""
    return keras.tree.map_structure(
        lambda x: (
            None if x is None else tf.zeros([2 if n is None else n for n in x.shape], x.dtype)
        ),
        specs,
    )
