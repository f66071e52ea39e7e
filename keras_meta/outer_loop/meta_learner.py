"""The base of all learners: a Keras model whose forward pass learns."""

import keras
import tensorflow as tf

from keras_meta import config
from keras_meta.exact import replicas
from keras_meta.inner_loop import losses
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.outer_loop import check_report, model_checks, task_map
from keras_meta.outer_loop.graph_constant import GraphConstant, one_of
from keras_meta.outer_loop.outer_model import EpisodicModel
from keras_meta.serving import exporting, lite_exporting

BATCH_NORMS = ("transductive", "support", "running")


class MetaLearner(EpisodicModel):
    """Learns, from many small tasks, to learn a new task from a few labelled examples.

    For a task with support set `S` and query set `Q`, the forward pass is

        state = adapt_task(S)
        predictions = predict_task(state, Q)

    and training minimises the mean over tasks of the compiled loss of those predictions. Subclasses
    define the two methods; compiling, fitting, evaluating, saving and exporting are common to all.

    One element of an episode dataset is `(inputs, query_y)` with
    `inputs = {"support_x": [tasks, support, ...], "support_y": [tasks, support, ...],
    "query_x": [tasks, query, ...]}`. Where tasks differ in size, they are padded, and
    `"support_mask": [tasks, support]` and `"query_mask": [tasks, query]` say which examples are
    real: the others count nowhere, as if each task were alone. Predictions for padding are zero.

    Args:
        model: A built `keras.Model`, for one task: features `[n, ...]` to predictions `[n, ...]`.
        inner_loss: Loss on the support set: a name, a function, a `keras.losses.Loss`, or a built
            `keras.layers.Layer` called as `layer(y_true, y_pred)`, whose weights the outer loop
            learns, such as `keras_meta.losses.LearnedLoss`. Defaults to the loss given to
            `compile`.
        batch_norm: Statistics by which batch normalisation normalises, the same while fitting and
            evaluating. `"transductive"`: those of the examples being predicted, all queries of a
            task together; the habit of the literature, whose accuracies profit from it.
            `"support"`: queries by those of the support set, so that each query is predicted on its
            own. `"running"`: the stored ones, which `fit` updates.
        task_map: `"loop"`, `"vectorize"`, or `"auto"` to choose by the layers of `model`.
        seed: int. Seed of dropout and other noise inside tasks, which is a function of the seed,
            the outer step, the task and the inner step.
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

    # How the learner sees its model as a function.
    functional_model = FunctionalModel
    batch_norm = GraphConstant(one_of("batch_norm", BATCH_NORMS))
    task_map = GraphConstant(one_of("task_map", task_map.TASK_MAPS))

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
        model_checks.check_model(model)
        policy = model_checks.dtype_policy(model)
        if dtype is not None and keras.dtype_policies.get(dtype).name != policy.name:
            raise ValueError(
                "A learner computes in the dtype policy of its model. Build the model with the "
                f"policy you want. Received: dtype={dtype!r} for a model with {policy.name!r}."
            )
        # Labels and regression targets are not to be cast to half precision on the way in.
        super().__init__(name=name, dtype=policy, autocast=False)
        self.model = model
        self.inner_loss = inner_loss
        self.batch_norm = batch_norm
        self.task_map = task_map
        self.seed = seed
        self.functional = self.functional_model(model)
        self.episode_spec = None
        # XLA, which Keras turns on by itself on a GPU, is slower or fails on loops over tasks.
        self.supports_jit = False
        self.built = True

    # What a learner is.

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Learns one task.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]` for this task's noise, or `None`.

        Returns:
            dict, name to tensor or list of tensors: the task's state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `adapt_task`.")

    def predict_task(self, state, query_x, training=False, seed=None):
        """Predicts the queries of one task.

        Args:
            state: What `adapt_task` returned.
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
        """Names of the tensors that a state lists besides statistics, by which they are exported.

        Tensors beyond the names are numbered.
        """
        return []

    # What a user calls.

    def fit(self, x=None, *args, class_weight=None, **kwargs):
        """Meta-trains, as `keras.Model.fit` does with episodes for examples.

        Raises:
            ValueError: If `class_weight` is given: labels are numbered anew in each episode.
        """
        if class_weight is not None:
            raise ValueError(
                "`class_weight` is not supported, because labels are numbered anew in each "
                "episode. Use `sample_weight` of shape [tasks, queries]. "
                f"Received: class_weight={class_weight}."
            )
        config.hint_once()
        replicas.check_stream(self.distribute_strategy, x)
        if isinstance(x, tf.data.Dataset):
            # Keras would warn that its default, to shuffle, does not apply to a dataset.
            kwargs.setdefault("shuffle", False)
            self._build_ahead(x.element_spec)
        return super().fit(x, *args, **kwargs)

    def predict_by_step(self, inputs, steps=None):
        """Predictions for the queries after each inner step; without inner steps, once.

        Args:
            inputs: An episode batch.
            steps: int. Number of inner steps, for a learner that has some.

        Returns:
            Tensor `[steps + 1, tasks, query, ...]`.
        """
        if steps:
            raise ValueError(
                f"{type(self).__name__} learns a task in one pass, without inner steps. Leave "
                f"`steps` out. Received: steps={steps}."
            )
        return self(inputs)[None]

    def adapt(self, support_x, support_y, **kwargs):
        """Learns one task and returns an ordinary Keras model for it.

        The model can predict, be saved, exported, or trained further; the learner is unchanged.

        Args:
            support_x: Features `[support, ...]`, as the model takes them.
            support_y: Labels `[support, ...]`, numbered 0..ways-1.
            **kwargs: Passed to `adapt_task`.

        Returns:
            A `keras.Model`.

        Raises:
            ValueError: If the support set is empty or does not fit the model.
            tf.errors.InvalidArgumentError: If a label is out of range or a feature is NaN.
        """
        support_x, support_y = self._check_support(support_x, support_y)
        key = ("adapt", *sorted(kwargs.items()))
        adapt_task = self.traced(key, lambda x, y: self.adapt_task(x, y, **kwargs))
        return self.adapted_model(adapt_task(support_x, support_y))

    def check(self, batch):
        """Examines the learner on one batch of episodes, before time is spent on training.

        Compares the meta-gradient with central differences; lists weights that get no gradient and
        operations without a second derivative; bounds the memory; tells whether the prediction of
        one query depends on the others, and whether queries are also in the support set.

        Args:
            batch: `(inputs, query_y)` or `(inputs, query_y, sample_weight)`.

        Returns:
            A `CheckReport`, made to be printed.
        """
        return check_report.check(self, batch)

    def export(self, filepath, format="tf_saved_model", verbose=None, **kwargs):
        """Writes a file that learns new tasks where neither Keras nor this library is.

        The endpoints of a SavedModel take any number of tasks, shots and queries:

        *   `serve`: a batch of episodes (`support_x`, `support_y`, `query_x`) to predictions,
        *   `adapt`: one task's support set to its state, what is the task's own in named tensors:
            a context, a head, or all adapted weights,
        *   `predict`: such a state and `query_x` to predictions,
        *   `adapt_and_predict`: one task's support set and `query_x` to predictions,
        *   `adapt_batch` and `predict_batch`: the same for several tasks of equal size at once,
            with a leading axis of tasks everywhere.

        A LiteRT file has the signatures `adapt` and `predict`, for the sizes given, of LiteRT's
        builtin operations alone: see `learners.lite_exporting`.

        Args:
            filepath: Folder to write, or file ending in `.tflite`.
            format: `"tf_saved_model"` or `"litert"`.
            verbose: bool. Whether to print the endpoints. Defaults to `True`.
            **kwargs: For LiteRT, `support_size` and `query_size`: numbers of examples of a task.

        Raises:
            ValueError: If the learner has not seen an episode, from which it knows the types of
                its inputs, or LiteRT lacks an operation that it needs.
        """
        verbose = True if verbose is None else verbose
        needed = {"tf_saved_model": set(), "litert": {"support_size", "query_size"}}
        if format not in needed or set(kwargs) != needed[format]:
            raise ValueError(
                "A learner exports to format='tf_saved_model' without further options, or to "
                "format='litert' with `support_size` and `query_size`. "
                f"Received: format={format!r}, {kwargs}."
            )
        write = exporting.export if format == "tf_saved_model" else lite_exporting.export
        write(self, filepath, verbose=verbose, **kwargs)

    # Parts.

    def resolved_inner_loss(self):
        """Returns the inner loss as a `keras.losses.Loss`.

        Raises:
            ValueError: If there is none, neither given nor compiled.
        """
        loss = self.inner_loss if self.inner_loss is not None else self.loss
        if not loss:
            raise ValueError(
                "There is no inner loss to adapt with. Pass `inner_loss` to the learner, or "
                "`compile` it with the loss to use inside as well. Received: inner_loss=None on a "
                "learner that is not compiled."
            )
        return losses.resolve(loss)

    def traced(self, key, function):
        """Returns `function` as a `tf.function`, the same for the same `key` and inner loss."""
        loss = self.inner_loss if self.inner_loss is not None else self.loss
        if key not in self._traces or self._traces[key][0] is not loss:
            graph = tf.function(function, reduce_retracing=True, autograph=False)
            self._traces[key] = (loss, graph)
        return self._traces[key][1]

    def forget_traces(self):
        """Makes `fit`, `evaluate`, `predict` and `adapt` trace anew."""
        self.__dict__["_traces"] = {}
        for name in ("train_function", "test_function", "predict_function"):
            if hasattr(self, name):
                setattr(self, name, None)

    def _check_support(self, support_x, support_y):
        """Returns the support set of one task as tensors, checked."""
        support_x, support_y = keras.tree.map_structure(
            keras.ops.convert_to_tensor, (support_x, support_y)
        )
        batch = keras.tree.map_structure(
            lambda x: x[None],
            {"support_x": support_x, "support_y": support_y, "query_x": support_x},
        )
        self._check(batch)
        return support_x, support_y

    # Saving.

    def get_config(self):
        # The base configuration of a subclassed model holds nothing that this one needs.
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "inner_loss": keras.saving.serialize_keras_object(self.inner_loss),
            "batch_norm": self.batch_norm,
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
