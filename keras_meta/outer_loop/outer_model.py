"""The outer model: takes outer steps on batches of tasks of any kind."""

import functools

import keras
import tensorflow as tf

from keras_meta.exact import lora, private
from keras_meta.exact.custom_gradient import own_gradients
from keras_meta.outer_loop import building, divergence, step_hint, steps, task_map, traces
from keras_meta.outer_loop.graph_constant import GraphConstant, one_of
from keras_meta.outer_loop.mean_gradients import mean_gradients


@private.builds_by_replica
class OuterModel(keras.Model):
    """A Keras model that learns from batches of tasks.

    A task is a nest of tensors that this class does not interpret, such as a labelled episode or
    the parameters of an environment. A batch of tasks is such a nest with tasks on axis 0. A
    subclass defines how to learn a task in `learn_task`, and `fit` minimises

        mean over tasks of  learn_task(task, training=True, seed).loss

    task by task in one graph loop, so memory does not grow with the number of tasks. Compiling,
    callbacks, mixed precision, replicas and interruption work as in any Keras model. Each task has
    a seed that derives from the learner's, the outer step and the task's number in its batch.

    Subclasses may override: `unpack`, which turns an element of the dataset into tasks;
    `meta_learned`, if some trainable variables are not learned across tasks; `meta_gradients`, if
    they are not the gradients of the loss; `outer_update`, if an outer step is more than one
    optimizer step, such as a line search; `absorb`, for state that is updated without a gradient.

    Args:
        task_map: `"loop"`, `"vectorize"`, or `"auto"` to choose automatically.
        seed: int. Seed of all random numbers inside tasks.
        name: Optional name.
        dtype: Dtype policy. See `keras.Model`.

    Example:

    ```python
    import keras
    import tensorflow as tf
    from keras_meta.outer_loop import Outcome, OuterModel

    class Bandit(OuterModel):
        '''Learns which arm pays best on average; a task is a vector of arm probabilities.'''

        def __init__(self):
            super().__init__()
            self.logits = self.add_weight(shape=(3,), initializer="zeros", name="logits")

        def learn_task(self, arms, training, seed):
            pulls = tf.random.stateless_categorical(self.logits[None], 20, seed)[0]
            rewards = tf.gather(arms, pulls)
            log_p = tf.gather(tf.nn.log_softmax(self.logits), pulls)
            return Outcome(-tf.reduce_mean(log_p * (rewards - 0.4)), rewards, {})

    learner = Bandit()
    learner.compile(keras.optimizers.SGD(1.0))
    tasks = tf.data.Dataset.from_tensors(tf.constant([[0.1, 0.2, 0.9]] * 8)).repeat()
    learner.fit(tasks, steps_per_epoch=20, verbose=0)
    assert int(tf.argmax(learner.logits)) == 2
    ```
    """

    optimizer = None  # until it is compiled
    # Visited by Keras after the layers, because attributes are saved and loaded by alphabet.
    unmerged_lora = functools.cached_property(lora.unmerged)
    task_map = GraphConstant(one_of("task_map", task_map.TASK_MAPS))

    def __init__(self, task_map="auto", seed=0, name=None, dtype=None):
        # Prevents Keras from casting labels and regression targets to half precision.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.task_map = task_map
        self.seed = seed
        # Keras would use XLA on its own, which is slow in loops over tasks. For
        # `compile(jit_compile=True)`, set it to true.
        self.supports_jit = False
        self.built = True

    @property
    def compute_dtype(self):
        """Dtype of the adapted weights: the variable dtype. Layers compute in their own dtype.

        Keras casts variables that are read inside `call` to this dtype, even without autocast.
        """
        return self.variable_dtype

    # To be defined or overridden by subclasses.

    def learn_task(self, task, training, seed):
        """Learns one task.

        Args:
            task: Nest of tensors, one of the tasks that `unpack` returned.
            training: bool. Whether the result is used for an outer step.
            seed: int tensor `[2]`, the seed of this task.

        Returns:
            An `Outcome`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `learn_task`.")

    def unpack(self, data):
        """Returns the checked batch of tasks in an element of a dataset.

        Args:
            data: An element of the dataset.

        Returns:
            Nest of tensors `[tasks, ...]`, in which leaves may be `None`.
        """
        return data[0] if isinstance(data, tuple) and len(data) == 1 else data

    def unpack_inputs(self, inputs):
        """Returns the batch of tasks in the inputs of `call` and `predict`, which lack labels."""
        return self.unpack(inputs)

    def meta_learned(self, variables):
        """Returns those trainable variables that `fit` learns; called in the constructor too."""
        return variables

    def meta_gradients(self, tasks):
        """Gradient of the mean loss over tasks, with respect to all trainable variables.

        Args:
            tasks: A batch of tasks, as returned by `unpack`.

        Returns:
            Tuple `(gradients, outcome)`, with an `Outcome` that has a leading axis of tasks. A
            variable that the loss does not depend on has gradient `None`. Under a compiled
            `LossScaleOptimizer` the gradients are scaled.
        """
        return mean_gradients(
            self, lambda task, seed: self.learn_task(task, training=True, seed=seed), tasks
        )

    def outer_update(self, tasks):
        """Takes one outer step, by default one optimizer step with the meta-gradients.

        Returns:
            The `Outcome` of learning the tasks before the step.
        """
        gradients, outcome = self.meta_gradients(tasks)
        steps.check_gradients(gradients)
        with tf.control_dependencies(divergence.watch(self, tasks, outcome.loss)):
            # Makes the report see the weights before this step.
            gradients = [None if g is None else tf.identity(g) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        own_gradients()
        self.absorb(outcome.observed)
        return outcome

    def absorb(self, observed):
        """Updates state with what learning the tasks of an outer step observed `[tasks, ...]`."""

    def scored(self, tasks, predictions):
        """Returns the arguments of the compiled metrics: `(x, y, y_pred, sample_weight)`."""
        return tasks, None, predictions, None

    def how_learning_went(self, task):
        """Returns a sentence on how learning a task went, for divergence reports; or `""`."""
        del task
        return ""

    def chosen_task_map(self, tasks=None):
        """Returns `"loop"` or `"vectorize"` for a batch of tasks, or for any."""
        del tasks
        return "loop" if self.task_map == "auto" else self.task_map

    # Derived from the above.

    @property
    def trainable_variables(self):
        """The meta-learned variables."""
        return self.meta_learned(super().trainable_variables)

    @property
    def trainable_weights(self):
        """The same as `trainable_variables`; Keras uses this name at the end of `fit`."""
        return self.meta_learned(super().trainable_weights)

    def call(self, inputs, training=False):
        """Learns each task and returns its predictions, with a leading axis of tasks."""
        return self.learn_tasks(self.unpack_inputs(inputs), training).predictions

    def learn_tasks(self, tasks, training=False):
        """Returns the `Outcome` of learning each task, with the seeds of `fit` if `training`."""
        return steps.learn_tasks(self, tasks, training)

    def train_step(self, data):
        """One outer step."""
        tasks = self.unpack(data)
        return self.report(tasks, self.outer_update(tasks))

    def test_step(self, data):
        """Computes loss and metrics of one batch of tasks, without changing stored state."""
        tasks = self.unpack(data)
        outcome = self.learn_tasks(tasks)
        divergence.watch(self, tasks, outcome.loss)
        return self.report(tasks, outcome)

    @property
    def outer_step(self):
        """Number of outer steps taken so far, an int or a scalar int tensor."""
        return 0 if self.optimizer is None else tf.cast(self.optimizer.iterations, tf.int64)

    def map_tasks(self, function, tasks, outer_step=0, first_task=0):
        """Applies a function to each task; returns what it returns, `(summed, stacked)`.

        Args:
            function: Callable, `(task, seed) -> (to_sum, to_stack)`.
            tasks: A batch of tasks.
            outer_step: int or scalar int tensor on which seeds depend; 0 gives the same each time.
            first_task: int or scalar int tensor. Index of the first of these tasks in its batch.
        """
        return steps.map_tasks(self, function, tasks, outer_step, first_task)

    def scale_loss(self, loss):
        """Returns the loss, scaled if the compiled optimizer is a `LossScaleOptimizer`."""
        return loss if self.optimizer is None else self.optimizer.scale_loss(loss)

    def report(self, tasks, outcome):
        """Updates the loss and the compiled metrics, and returns their values."""
        return steps.report(self, tasks, outcome)

    # Compiled steps.

    def fit(self, x=None, *args, **kwargs):
        """Meta-trains. Like `keras.Model.fit`, with batches of tasks as data."""
        kwargs = step_hint.added(self, args, building.prepare_fit(self, x, kwargs))
        return super().fit(x, *args, **kwargs)

    def build_metrics(self, batch_spec):
        """Creates the variables of compiled metrics from the element spec of a dataset."""
        if not all(getattr(metric, "built", True) for metric in self.metrics):
            building.build_metrics(self, batch_spec)

    def traced(self, key, function):
        """Returns `function` as a `tf.function`, the same one for the same `key` and loss."""
        return traces.traced(self, key, function)

    def forget_traces(self):
        """Makes `fit`, `evaluate`, `predict` and all `traced` functions retrace."""
        traces.forget(self)
