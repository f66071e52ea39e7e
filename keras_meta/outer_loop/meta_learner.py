"""Base class of learners that adapt to a support set."""

import keras

from keras_meta import serving, statistics
from keras_meta.exact.copying import serialize
from keras_meta.outer_loop import by_step, check_report, episode
from keras_meta.outer_loop.episodic_model import EpisodicModel
from keras_meta.serving import adapted_model


class MetaLearner(EpisodicModel):
    """Learns, from many small tasks, to learn a new task from a few labelled examples.

    For a task with support set `S` and query set `Q`, the forward pass is

        state = adapt_task(S)
        predictions = predict_task(state, Q)

    and training minimises the mean over tasks of the compiled loss of those predictions. A subclass
    defines these two methods, and `adapted_model` and `weight_names`, which present a state to the
    user; compiling, fitting, evaluating, saving and exporting are inherited. See `docs/learner.md`.

    One element of an episode dataset is `(inputs, query_y)` with
    `inputs = {"support_x": [tasks, support, ...], "support_y": [tasks, support, ...],
    "query_x": [tasks, query, ...]}`. Where tasks differ in size, they are padded, and
    `"support_mask": [tasks, support]` and `"query_mask": [tasks, query]` say which examples are
    real. Padding has no effect: results are those of each task alone. Predictions for padding are
    zero.

    The state of a task is a dict of tensors, lists of tensors and dicts of tensors. By convention
    `"weights"` and `"head"` are lists, in the order of `weight_names()`, and `"statistics"` is a
    dict from position in `functional.state_variables` to tensor: the statistics that passes over
    queries start from.

    Args:
        model: A built `keras.Model`, for one task: features `[n, ...]` to predictions `[n, ...]`.
        inner_loss: Loss on the support set: a name, a function, a `keras.losses.Loss`, or a built
            `keras.layers.Layer` called as `layer(y_true, y_pred)`, whose weights the outer loop
            learns, such as `keras_meta.losses.LearnedLoss`. Defaults to the loss given to
            `compile`.
        batch_norm: Statistics that batch normalisation uses, the same in `fit` and `evaluate`.
            `"transductive"`: those of the examples being predicted, all queries of a task together;
            common in the literature, whose accuracies benefit from it. `"support"`: queries are
            normalised by the statistics of the support set, so that each is predicted independently
            (inductive). `"running"`: the stored statistics, which `fit` updates. Or a
            `keras_meta.statistics.StatisticsPolicy`.
        task_map: `"loop"`, `"vectorize"`, or `"auto"` to choose by the layers of `model`.
        seed: int. Seed of dropout and other noise inside tasks. The noise is a function of this
            seed, the outer step, the task and the inner step.
        name: Optional name.

    Raises:
        ValueError: If `model` is not built or has no trainable weights, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu"),
                              keras.layers.Dense(1)])
    learner = keras_meta.learners.MAML(model, inner_learning_rate=0.01)
    learner.compile("adam", "mse")
    tasks = keras_meta.episodes.Sinusoid(num_shots=10, num_queries=10)
    learner.fit(tasks.as_dataset(batch_size=25), steps_per_epoch=10, verbose=0)
    ```
    """

    # Settings that make the meta-gradient, if they are not zero, an approximation.
    approximations = ("first_order",)

    def __init__(
        self,
        model,
        inner_loss=None,
        batch_norm="transductive",
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
    ):
        super().__init__(model, batch_norm, task_map, seed, name, dtype)
        self.inner_loss = inner_loss

    @property
    def exact_gradient(self):
        """Whether the meta-gradients are the derivative of the loss, not an approximation of it."""
        return not any(getattr(self, setting) for setting in self.approximations)

    # To be defined by subclasses.

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Learns one task.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]` for this task's noise, or `None`.

        Returns:
            dict: the task's state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `adapt_task`.")

    def predict_task(self, state, query_x, training=False, seed=None):
        """Predicts the queries of one task.

        Args:
            state: dict, the state that `adapt_task` returned.
            query_x: Features `[query, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]` for this task's noise, or `None`.

        Returns:
            A `ModelOutput`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `predict_task`.")

    def adapted_model(self, state):
        """Returns an ordinary Keras model that predicts as `predict_task(state, ...)` does."""
        raise NotImplementedError(f"{type(self).__name__} must define `adapted_model`.")

    def weight_names(self):
        """Returns the names under which the tensors in a state's lists are exported, in order.

        Tensors without a name are numbered.
        """
        return []

    def learn_episode(self, inputs, training, seed):
        """Adapts to the support set and predicts the queries. See `EpisodicModel`."""
        state = self.adapt_task(inputs["support_x"], inputs["support_y"], training, seed)
        return self.predict_task(state, inputs["query_x"], training, seed)

    # For users.

    def adapt(self, support_x, support_y, **kwargs):
        """Learns one task and returns an ordinary Keras model for it.

        The model can predict, be saved, exported, or trained further; the learner is unchanged.

        Args:
            support_x: Features `[support, ...]`, as inputs of the model; texts may be a list.
            support_y: Labels `[support, ...]`, numbered 0..ways-1.
            **kwargs: Passed to `adapt_task`.

        Returns:
            A `keras.Model`.

        Raises:
            ValueError: If the support set is empty or does not fit the model.
            tf.errors.InvalidArgumentError: If a label is out of range or a feature is NaN.
        """
        support = self.check_support(support_x, support_y)
        key = ("adapt", *sorted(kwargs.items()))
        adapt_task = self.traced(key, lambda x, y: self.adapt_task(x, y, **kwargs))
        return self.adapted_model(adapt_task(*support))

    def predict_by_step(self, inputs, steps=None):
        """Predictions for the queries after each inner step; once if there are no inner steps.

        Args:
            inputs: An episode batch.
            steps: int. Number of inner steps, for learners that take any. Defaults to the number
                at evaluation.

        Returns:
            Tensor `[steps + 1, tasks, query, ...]`.
        """
        return by_step.predictions(self, inputs, steps)

    def check(self, batch):
        """Checks the learner on one batch of episodes before training.

        Compares the meta-gradient with central differences; lists weights that get no gradient and
        operations without a second derivative; bounds the memory; reports whether the prediction of
        one query depends on the others, and whether queries are also in the support set.

        Args:
            batch: `(inputs, query_y)` or `(inputs, query_y, sample_weight)`.

        Returns:
            A `CheckReport`, to be printed.
        """
        return check_report.check(self, batch)

    def export(self, filepath, format="tf_saved_model", verbose=None, **kwargs):
        """Exports the learner, to learn new tasks without Keras and this library.

        Args:
            filepath: Folder to write, or file ending in `.tflite`.
            format: `"tf_saved_model"`, with the endpoints of `serving.exporting.export`, or
                `"litert"`, with the signatures of `serving.lite_exporting.export`.
            verbose: bool. Whether to print the endpoints. Defaults to `True`.
            **kwargs: Its other arguments, such as `support_size` for LiteRT or `intervals`.

        Raises:
            ValueError: If the learner has not seen an episode, which determines the types of its
                inputs, or needs an operation that LiteRT lacks.
        """
        verbose = True if verbose is None else verbose
        serving.export(self, filepath, format, verbose, **kwargs)

    # Parts.

    def model_of_task(self, state, values=(), head=None, model=None):
        """Returns an ordinary Keras model with the weights and statistics of a task.

        Args:
            state: The state of the task.
            values: List of pairs `(variable, tensor)` to assign, besides the statistics.
            head: A layer to append to the model, or `None`.
            model: The `keras.Model` to copy. Defaults to that of the learner.
        """
        spec = None if head is None else episode.features_spec(self)
        return adapted_model.of_learner(self, state, values, head, spec, model)

    def check_support(self, support_x, support_y):
        """Returns the support set of one task as checked tensors."""
        return episode.read_support(self, support_x, support_y)

    # Saving.

    def get_config(self):
        # The base configuration of a subclassed model adds nothing needed here.
        return {
            "model": serialize(self.model),
            "inner_loss": keras.saving.serialize_keras_object(self.inner_loss),
            "batch_norm": statistics.serialize(self.batch_norm),
            "task_map": self.task_map,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = {
            key: keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
            for key, value in config.items()
        }
        return cls(**config)

    def get_build_config(self):
        return {"episode_spec": self.episode_spec}

    def build_from_config(self, config):
        self.episode_spec = config["episode_spec"]
