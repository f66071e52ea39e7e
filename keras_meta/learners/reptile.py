"""A first-order learner that moves towards the adapted weights."""

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant


def _batch_size(value):
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(
            "`inner_batch_size` must be a positive integer or None. "
            f"Received: inner_batch_size={value!r}."
        )
    return value


@keras.saving.register_keras_serializable("keras_meta")
class Reptile(MAML):
    """Moves the initial weights towards those that the inner steps reach.

        w <- w + e (mean over tasks of w_K - w)

    The outer optimizer is given `w - mean of w_K` for a gradient: `SGD(e)` is the rule above. No
    derivative of the inner steps is taken, so that many cost no memory, and the queries of a task
    serve for the reported loss and metrics alone. What the inner optimizer keeps, such as the
    second moments of Adam, goes on from outer step to outer step, as the mean over tasks.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        inner_batch_size: int. Support examples an inner step, drawn in turn from a shuffled support
            set; `None` for all.
        **kwargs: The other arguments of `MAML`, but `first_order`.

    Raises:
        ValueError: If an argument is invalid, or a setting of the inner optimizer is `Learned`.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta.inner_optimizers import Adam

    learner = keras_meta.learners.Reptile(
        keras_meta.networks.SinusoidMLP(),
        inner_steps=10,
        inner_batch_size=5,
        inner_optimizer=Adam(0.001, beta_1=0.0),
    )
    learner.compile(keras.optimizers.SGD(1.0), "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=10)
    learner.fit(waves.as_dataset(5), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Nichol et al., 2018](https://arxiv.org/abs/1803.02999)
    """

    inner_batch_size = GraphConstant(_batch_size)

    def __init__(
        self, model, inner_learning_rate=None, inner_steps=10, inner_batch_size=None, **kwargs
    ):
        kwargs = {"checkpoint_steps": True, **kwargs, "first_order": True}
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        if self.inner_optimizer.trainable_variables:
            raise ValueError(
                "Reptile takes no derivative of the inner steps, and so cannot learn their "
                "settings. Use numbers in place of `Learned`, or MAML. "
                f"Received: inner_optimizer={self.inner_optimizer!r}."
            )
        self.inner_batch_size = inner_batch_size
        start = self.inner_optimizer.init(
            [self.functional.initial_weights()[i] for i in self.adapted_indices]
        )
        self._slots = [
            self.add_weight(
                name=f"slot_{number}",
                shape=slot.shape,
                initializer="zeros",
                trainable=False,
                dtype=slot.dtype.name,
            )
            for number, slot in enumerate(tf.nest.flatten(start))
        ]

    def meta_gradients(self, inputs, y, sample_weight=None):
        """`w - mean over tasks of w_K`, in place of gradients. See `EpisodicModel`."""
        num_tasks = tf.shape(keras.tree.flatten(inputs["support_x"])[0])[0]

        def task_difference(inputs, y, sample_weight, index):
            seed = self._noise_seed(index, training=True)
            problem = self._inner_problem(inputs["support_x"], inputs["support_y"], True, seed)
            last = self._descend(problem, self.inner_steps)
            state = problem.task_state(last, self.inner_steps)
            output = self.predict_task(state, inputs["query_x"], True, seed)
            loss = self._task_loss(inputs, y, output, sample_weight, training=True)
            differences = {
                id(self.functional.trainable_variables[i]): self._scale_loss(
                    (start - w) / tf.cast(num_tasks, w.dtype)
                )
                for i, start, w in zip(
                    self.adapted_indices, problem.start.weights, last.weights, strict=True
                )
            }
            gradients = [differences.get(id(v)) for v in self.trainable_variables]
            statistics = output.state if self.batch_norm == "running" else {}
            observed = {"statistics": statistics, "slots": tf.nest.flatten(last.slots)}
            return gradients, output.predictions, (loss, observed)

        gradients, predictions, (losses, observed) = self._map_tasks(
            task_difference, inputs, y, sample_weight
        )
        # Gradients are summed over replicas, each with the mean over its own tasks.
        gradients = [None if g is None else g / replicas.count() for g in gradients]
        return gradients, (losses, predictions, observed)

    def _initial_slots(self, weights):
        fresh = self.inner_optimizer.init(weights)
        if not hasattr(self, "_slots"):
            return fresh
        return tf.nest.pack_sequence_as(fresh, [tf.convert_to_tensor(v.value) for v in self._slots])

    def _update_statistics(self, observed):
        super()._update_statistics(observed["statistics"])
        means = replicas.mean_over_tasks(observed["slots"])
        for variable, value in zip(self._slots, means, strict=True):
            variable.assign(value)

    def _support_at(self, support_x, support_y, step):
        """Batch `step` of an endless row of shuffled support sets."""
        if self.inner_batch_size is None:
            return support_x, support_y
        count = tf.shape(keras.tree.flatten(support_y)[0])[0]
        size = tf.minimum(self.inner_batch_size, count)
        epoch, offset = step * size // count, step * size % count
        order = [
            tf.random.experimental.stateless_shuffle(tf.range(count), seed=[self.seed, epoch + i])
            for i in range(2)
        ]
        chosen = tf.concat(order, 0)[offset : offset + size]
        return keras.tree.map_structure(lambda x: tf.gather(x, chosen), (support_x, support_y))

    def get_config(self):
        config = {**super().get_config(), "inner_batch_size": self.inner_batch_size}
        del config["first_order"]
        return config
