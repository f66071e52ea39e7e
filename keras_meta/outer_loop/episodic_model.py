"""Episodes as the tasks of an outer model."""

import functools

import keras

from keras_meta import config, statistics
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.outer_loop import episode, episode_checks, model_checks, padding
from keras_meta.outer_loop import task_map as task_maps
from keras_meta.outer_loop.building import zeros
from keras_meta.outer_loop.outcome import Outcome
from keras_meta.outer_loop.outer_model import OuterModel


class EpisodicModel(OuterModel):
    """An outer model whose tasks are episodes: a support set, and queries to predict.

    It implements the episode contract: keys, masks, checks, loss, metrics, and normalisation
    statistics. A subclass defines `learn_episode`.

    Args:
        model: A built `keras.Model`, for one task.
        batch_norm: See `MetaLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.
        dtype: The dtype policy of `model`, or `None`.
    """

    # Whether the number of outputs varies with the number of classes of a task.
    variable_way = False
    # The `InnerWeights` of a learner that takes inner steps, and whether it omits the second
    # derivatives of these.
    inner_weights = None
    first_order = False

    def __init__(
        self, model, batch_norm="transductive", task_map="auto", seed=0, name=None, dtype=None
    ):
        super().__init__(task_map, seed, name, dtype=model_checks.checked_policy(model, dtype))
        self.model = model
        self.batch_norm = batch_norm
        self.episode_spec = None

    @property
    def mapped_models(self):
        """List of the models that run for each task; `task_map="auto"` depends on their layers."""
        return [self.model]

    def learn_episode(self, inputs, training, seed):
        """Learns one task and predicts its queries.

        Args:
            inputs: dict with the `"support_x"`, `"support_y"` and `"query_x"` of one task.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]` for this task's noise, or `None`.

        Returns:
            A `ModelOutput`; its losses are the sum over all passes, and are part of the outer loss.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `learn_episode`.")

    @functools.cached_property
    def functional(self):
        """The model as a function of its weights and state."""
        return FunctionalModel(self.model)

    @property
    def batch_norm(self):
        """The normalisation policy, as it was passed in."""
        return self._batch_norm

    @batch_norm.setter
    def batch_norm(self, value):
        policy = statistics.get(value)
        known = self.__dict__.setdefault("_policies", {})
        key = value if isinstance(value, str) else id(value)
        if key not in known:
            policy.prepare(self)
            known[key] = policy
            # A policy with weights keeps them, and is saved, while another one is in use.
            setattr(self, f"policy_{type(policy).__name__.lower()}", policy)
        self.__dict__["_batch_norm"] = value
        self.__dict__["_statistics"] = known[key]
        self.forget_traces()

    @property
    def statistics(self):
        """The normalisation policy in use, a `keras_meta.statistics.StatisticsPolicy`."""
        return self._statistics

    # Episodes as tasks of the outer model.

    def learn_task(self, task, training, seed):
        """Learns an episode, without its padding. See `OuterModel`."""
        real = episode.without_padding(task)
        output = self.learn_episode(real.inputs, training, seed if training else None)
        return self.outcome(task, real, output, training)

    def outcome(self, task, real, output, training):
        """The `Outcome` of an episode.

        Args:
            task: The `Episode`, with padding.
            real: The same `Episode` without padding.
            output: `ModelOutput` for its queries.
            training: bool.
        """
        loss = None if real.query_y is None else episode.task_loss(self, real, output, training)
        observed = self.statistics.observed(output.state) if training else {}
        return Outcome(loss, episode.with_padding(output.predictions, task), observed)

    def unpack(self, data):
        """Returns the checked `Episode` batch of an element of a dataset. See `OuterModel`."""
        inputs, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        batch = episode.read(self, inputs, y)
        axes = None if sample_weight is None else self.loss_axes(batch.inputs)
        weight = episode_checks.check_targets(*batch[:2], sample_weight, axes)
        return batch._replace(sample_weight=weight)

    def unpack_inputs(self, inputs):
        """Returns the checked `Episode` batch of inputs without labels. See `OuterModel`."""
        return episode.read(self, inputs)

    def scored(self, tasks, predictions):
        """Returns the queries that are not padding. See `OuterModel`."""
        y, y_pred, sample_weight = padding.real_queries(
            tasks.inputs, tasks.query_y, predictions, tasks.sample_weight
        )
        return tasks.inputs, y, y_pred, sample_weight

    def absorb(self, observed):
        """Updates the statistics that the normalisation policy tracks. See `OuterModel`."""
        self.statistics.follow(self.functional, observed)

    def see(self, inputs):
        """Records dtypes and shapes of the first inputs, for `export`, and checks the model."""
        if self.episode_spec is None:
            self.episode_spec = episode.seen_spec(inputs)
            model_checks.check_second_order(self, inputs)

    def chosen_task_map(self, tasks=None):
        """Returns `"loop"` or `"vectorize"`; tasks with padding or a variable way are looped."""
        if isinstance(tasks, episode.Episode) and padding.is_padded(tasks.inputs):
            if self.task_map == "vectorize":
                raise ValueError(
                    "Tasks of unequal size are not vectorised. Use task_map='auto', or leave the "
                    "masks out. Received: task_map='vectorize' and episodes with the keys "
                    f"{list(tasks.inputs)}."
                )
            return "loop"
        if self.variable_way and self.task_map == "vectorize":
            raise ValueError(
                "Only tasks with a fixed number of ways are vectorised. State `num_ways`, or use "
                f"task_map='loop'. Received: task_map='vectorize' for {type(self).__name__} "
                "without `num_ways`."
            )
        if self.task_map != "auto":
            return self.task_map
        loops = self.variable_way or any(
            task_maps.choose(model) == "loop" for model in self.mapped_models
        )
        return "loop" if loops else "vectorize"

    def predictions_spec(self, features):
        """Returns the symbolic predictions (shapes and dtypes) for one task.

        Args:
            features: Nest of `keras.KerasTensor` `[query, ...]`.
        """
        outputs = getattr(self.model, "outputs", None)
        if outputs and len(outputs) == 1:
            return outputs[0]
        return self.model.compute_output_spec(features)

    def loss_axes(self, inputs):
        """Number of axes of the losses of a batch: 2, or 3 for sequences `[tasks, query, time]`."""
        outputs = keras.tree.flatten(self.compute_output_spec(inputs))
        return max(len(outputs[0].shape) - 1, 2) if len(outputs) == 1 else 2

    def compute_output_spec(self, inputs, training=False):
        """Returns shape and dtype of the predictions `[tasks, query, ...]`."""
        del training
        query = keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape[1:], x.dtype), inputs["query_x"]
        )
        leading = keras.tree.flatten(inputs["query_x"])[0].shape[:2]
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor((*leading, *x.shape[1:]), x.dtype),
            self.predictions_spec(query),
        )

    def build_metrics(self, batch_spec):
        """Creates the variables of compiled metrics. See `OuterModel`."""
        if all(getattr(metric, "built", True) for metric in self.metrics):
            return
        inputs, y, sample_weight = keras.utils.unpack_x_y_sample_weight(zeros(batch_spec))
        y_pred = zeros(self.compute_output_spec(inputs), keras.tree.flatten(y)[0].shape)
        self.compute_loss(inputs, y, y_pred, sample_weight, training=False)
        self.compute_metrics(inputs, y, y_pred, sample_weight)
        self.reset_metrics()

    def fit(self, x=None, *args, class_weight=None, **kwargs):
        """Meta-trains. Like `keras.Model.fit`, with batches of episodes as data.

        Raises:
            ValueError: If `class_weight` is given: labels are renumbered in each episode.
        """
        if class_weight is not None:
            raise ValueError(
                "`class_weight` is not supported, because labels are renumbered in each "
                "episode. Use `sample_weight` of shape [tasks, queries]. "
                f"Received: class_weight={class_weight}."
            )
        config.hint_once()
        return super().fit(x, *args, **kwargs)
