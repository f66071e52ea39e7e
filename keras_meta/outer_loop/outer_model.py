"""From a batch of episodes to an outer step."""

import contextlib

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.exact.custom_gradient import own_gradients
from keras_meta.outer_loop import divergence, episode_checks, padding, task_map


class EpisodicModel(keras.Model):
    """A Keras model over batches of tasks: what `fit`, `evaluate` and `predict` do with them.

    A subclass learns one task in `adapt_task`, predicts in `predict_task`, and has the attributes
    `model`, `functional`, `inner_loss`, `batch_norm`, `task_map`, `seed` and `episode_spec`.
    """

    @property
    def compute_dtype(self):
        """Dtype of the adapted weights: that of the variables. Layers compute in their own.

        Inside `call`, Keras reads variables in the compute dtype, even without autocast.
        """
        return self.variable_dtype

    def call(self, inputs, training=False):
        """Adapts to each task and returns predictions `[tasks, query, ...]` for its queries."""
        inputs, _ = self._check(inputs)
        if training:
            self._first_task, _ = replicas.place_in_batch(_num_tasks(inputs))

        def predict(inputs, index):
            return (), self._learn_task(inputs, index, training).predictions, ()

        return self._map_tasks(predict, inputs)[1]

    def train_step(self, data):
        """One outer step: the mean over tasks of the gradient of the query loss."""
        inputs, y, sample_weight = self._unpack(data)
        self._first_task, share = replicas.place_in_batch(_num_tasks(inputs))
        parameters = self.trainable_variables
        gradients, (task_losses, y_pred, observed) = self.meta_gradients(inputs, y, sample_weight)
        if all(gradient is None for gradient in gradients):
            raise ValueError(
                "No weight has a meta-gradient: the query loss does not depend on the model. "
                f"Received: a model with {len(parameters)} trainable variables."
            )
        if share is not None:
            # Of means over the tasks of each replica, the mean over all tasks.
            gradients = [None if g is None else g * tf.cast(share, g.dtype) for g in gradients]
        with tf.control_dependencies(divergence.watch(self, inputs, task_losses)):
            # The report is on the weights before this step.
            gradients = [None if g is None else tf.identity(g) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, parameters, strict=True))
        own_gradients()
        self._update_statistics(observed)
        return self._report(inputs, y, y_pred, sample_weight, task_losses)

    def test_step(self, data):
        """Loss and metrics of one batch of tasks. Changes no stored state."""
        inputs, y, sample_weight = self._unpack(data)

        def evaluate(inputs, y, sample_weight, index):
            output = self._learn_task(inputs, index, training=False)
            loss = self._task_loss(inputs, y, output, sample_weight, training=False)
            return (), output.predictions, loss

        _, y_pred, task_losses = self._map_tasks(evaluate, inputs, y, sample_weight)
        divergence.watch(self, inputs, task_losses)
        return self._report(inputs, y, y_pred, sample_weight, task_losses)

    def meta_gradients(self, inputs, y, sample_weight=None):
        """Gradient of the mean query loss in all trainable variables, task by task.

        Args:
            inputs: An episode batch.
            y: Query labels.
            sample_weight: `[tasks, queries]`, or `None`.

        Returns:
            Tuple `(gradients, (task_losses, predictions, observed_statistics))`. A variable that
            the loss does not depend on has gradient `None`. Under a compiled `LossScaleOptimizer`
            the gradients are scaled.
        """
        return self._sum_gradients(self._last_loss, inputs, y, sample_weight)

    def compute_output_spec(self, inputs, training=False):
        """Shape and type of the predictions: `[tasks, query, ...]`."""
        del training
        query = keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape[1:], x.dtype), inputs["query_x"]
        )
        leading = keras.tree.flatten(inputs["query_x"])[0].shape[:2]
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor((*leading, *x.shape[1:]), x.dtype),
            self._predictions_spec(query),
        )

    # Parts.

    def _build_ahead(self, batch_spec):
        """Creates the variables of compiled metrics and of the optimizer before the first step.

        A step that creates variables is traced twice, and callbacks may restore them before it.

        Args:
            batch_spec: Shapes and types of what `fit` is given, a `Dataset.element_spec`.
        """
        if self._distribute_strategy is not None or self.optimizer is None:
            return  # Keras does it, or there is nothing to create.
        # What is wrong with a batch, the first step says in terms of episodes.
        with contextlib.suppress(ValueError, KeyError, tf.errors.InvalidArgumentError):
            self._build_metrics(batch_spec)
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)

    def _build_metrics(self, batch_spec):
        if all(getattr(metric, "built", True) for metric in self.metrics):
            return
        inputs, y, sample_weight = keras.utils.unpack_x_y_sample_weight(_zeros(batch_spec))
        y_pred = _zeros(self.compute_output_spec(inputs))
        self.compute_loss(inputs, y, y_pred, sample_weight, training=False)
        self.compute_metrics(inputs, y, y_pred, sample_weight)
        self.reset_metrics()

    def _sum_gradients(self, task_loss, inputs, y, sample_weight):
        """`meta_gradients` of `task_loss(task, index) -> (loss, predictions, observed)`."""
        parameters = self.trainable_variables
        num_tasks = tf.cast(_num_tasks(inputs), "float32")

        def task_gradients(inputs, y, sample_weight, index):
            # By itself a tape watches frozen layers too: what Keras freezes later is trainable to
            # TensorFlow, and all that follows from it would be differentiated.
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([variable.value for variable in parameters])
                loss, predictions, observed = task_loss((inputs, y, sample_weight), index)
                scaled = self._scale_loss(loss / tf.cast(num_tasks, loss.dtype))
            gradients = [
                tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g
                for g in tape.gradient(scaled, parameters)
            ]
            return gradients, predictions, (loss, observed)

        gradients, predictions, (losses, observed) = self._map_tasks(
            task_gradients, inputs, y, sample_weight
        )
        return gradients, (losses, predictions, observed)

    def _last_loss(self, task, index):
        """Query loss of one task, once it is learned."""
        inputs, y, sample_weight = task
        output = self._learn_task(inputs, index, training=True)
        loss = self._task_loss(inputs, y, output, sample_weight, training=True)
        return loss, output.predictions, output.state if self.batch_norm == "running" else {}

    def _scale_loss(self, loss):
        """A compiled `LossScaleOptimizer` divides gradients by what it multiplies a loss with."""
        return loss if self.optimizer is None else self.optimizer.scale_loss(loss)

    def _learn_task(self, inputs, index, training):
        seed = self._noise_seed(index, training)
        state = self.adapt_task(inputs["support_x"], inputs["support_y"], training, seed)
        return self.predict_task(state, inputs["query_x"], training, seed)

    def _noise_seed(self, index, training):
        """Seed of a task's dropout, where there is some."""
        return self._task_seed(index) if training and self.functional.seed_variables else None

    def _task_loss(self, inputs, y, output, sample_weight, training):
        """The compiled loss of one task, as a batch of that task."""
        batch = keras.tree.map_structure(
            lambda x: None if x is None else tf.expand_dims(x, 0),
            (inputs, y, output.predictions, sample_weight),
        )
        loss = self.compute_loss(*batch, training=training)
        return loss + tf.cast(output.losses / replicas.count(), loss.dtype)

    def _task_seed(self, index):
        """Seed of a task: a function of the seed, the outer step and the task's number in it."""
        fold = tf.random.experimental.stateless_fold_in
        step = 0 if self.optimizer is None else tf.cast(self.optimizer.iterations, tf.int64)
        if replicas.count() > 1:
            index += self._first_task
        return fold(fold(tf.constant([self.seed, 0], tf.int64), step), index)

    def _map_tasks(self, function, inputs, *of_queries):
        """Applies `function` to each task, without what it was padded with.

        Args:
            function: Callable, `(inputs, *of_queries, index) -> (to_sum, predictions, to_stack)`.
            inputs: An episode batch.
            *of_queries: Nests of tensors `[tasks, query, ...]`, or `None`.

        Returns:
            Tuple `(summed, predictions, stacked)`.
        """
        num_ways = self._largest_ways(inputs)

        def of_task(task, index):
            inputs, *_ = task
            to_sum, predictions, to_stack = function(*padding.cut(*task), index)
            predictions = keras.tree.map_structure(
                lambda x: padding.spread(x, inputs, num_ways), predictions
            )
            return to_sum, (predictions, to_stack)

        how = self._task_map_of(inputs)
        summed, (predictions, stacked) = task_map.map_tasks(of_task, (inputs, *of_queries), how)
        return summed, predictions, stacked

    def _task_map_of(self, inputs):
        """`"loop"` or `"vectorize"`, for this batch."""
        if not padding.is_padded(inputs):
            return self.chosen_task_map()
        if self.task_map == "vectorize":
            raise ValueError(
                "Tasks of unequal size are not vectorised. Use task_map='auto', or leave the masks "
                f"out. Received: task_map='vectorize' and episodes with the keys {list(inputs)}."
            )
        return "loop"

    def _largest_ways(self, inputs):
        """Number of ways of the batch, if each task has as many outputs as classes; else `None`."""
        del inputs

    def chosen_task_map(self):
        """`"loop"` or `"vectorize"`."""
        return task_map.choose(self.model) if self.task_map == "auto" else self.task_map

    def _unpack(self, data):
        inputs, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        inputs, y = self._check(inputs, y)
        return inputs, y, episode_checks.check_targets(inputs, y, sample_weight)

    def _check(self, inputs, y=None):
        """Returns the batch, which waits for the checks of its values."""
        episode_checks.check_inputs(inputs, self.model)
        self._remember_spec(inputs)
        return episode_checks.checked_values(inputs, self._num_classes(inputs), y)

    def _num_classes(self, inputs):
        """Number of classes, where the support labels are class numbers; else `None`."""
        loss = self.inner_loss if self.inner_loss is not None else self.loss
        name = loss if isinstance(loss, str) else getattr(loss, "name", None)
        name = name or getattr(loss, "__name__", "")
        if "sparse" not in str(name).lower():
            return None
        example = keras.tree.map_structure(
            lambda x: keras.KerasTensor((None, *x.shape[2:]), x.dtype.name), inputs["support_x"]
        )
        return self._predictions_spec(example).shape[-1]

    def _predictions_spec(self, features):
        """Shapes and types of the model's predictions, symbolically."""
        outputs = getattr(self.model, "outputs", None)
        if outputs and len(outputs) == 1:
            return outputs[0]
        return self.model.compute_output_spec(features)

    def _report(self, inputs, y, y_pred, sample_weight, task_losses):
        """Updates the loss and the compiled metrics, and returns their values."""
        num_tasks = tf.shape(task_losses)[0]
        loss = tf.math.divide_no_nan(
            tf.reduce_sum(task_losses), tf.cast(num_tasks, task_losses.dtype)
        )
        tracker = next(metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(loss * replicas.count(), sample_weight=num_tasks)
        y, y_pred, sample_weight = padding.real_queries(inputs, y, y_pred, sample_weight)
        logs = self.compute_metrics(inputs, y, y_pred, sample_weight=sample_weight)
        return replicas.reducible(logs)

    def _update_statistics(self, observed):
        """Moves the running statistics towards the mean over tasks of what was observed."""
        positions = {id(v): i for i, v in enumerate(self.functional.state_variables)}
        moving = [
            (layer.momentum, positions[id(variable)])
            for layer in self.functional.batch_normalizations
            for variable in (layer.moving_mean, layer.moving_variance)
            if positions[id(variable)] in observed and layer.trainable
        ]
        batch = replicas.mean_over_tasks([observed[index] for _, index in moving])
        for (momentum, index), value in zip(moving, batch, strict=True):
            variable = self._moving_statistic(index)
            variable.assign(momentum * variable + (1.0 - momentum) * value)

    def _moving_statistic(self, index):
        """The variable that follows a statistic of normalisation."""
        return self.functional.state_variables[index]

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds metrics and optimizer under a strategy, by the shapes of one replica's batch.

        In place of Keras's own, which takes means of batches over replicas: not known for integers,
        and refused between machines.
        """
        if iterator is not None and self._distribute_strategy is not None:
            _, _, batches = next(iter(iterator))
            data_batch = replicas.local_batch(self.distribute_strategy, next(batches))
        super()._maybe_symbolic_build(data_batch=data_batch)

    def _remember_spec(self, inputs):
        """Keeps the types of the inputs, by which the learner is exported later."""
        if self.episode_spec is None:
            self.episode_spec = keras.tree.map_structure(
                lambda x: {"dtype": x.dtype.name, "shape": [int(d or 0) for d in x.shape[2:]]},
                {key: inputs[key] for key in episode_checks.KEYS},
            )


def _num_tasks(inputs):
    return tf.shape(keras.tree.flatten(inputs)[0])[0]


def _zeros(specs):
    """Tensors of these shapes, with two where any number is meant: one would mean one class."""
    return keras.tree.map_structure(
        lambda x: (
            None if x is None else tf.zeros([2 if n is None else n for n in x.shape], x.dtype)
        ),
        specs,
    )
