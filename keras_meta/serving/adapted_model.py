"""The Keras model of one task, returned by `adapt`."""

import keras
import numpy as np

from keras_meta import statistics as policies
from keras_meta.exact.copying import clone, serialize
from keras_meta.exact.normalization import batch_normalizations
from keras_meta.heads.linear import dense_head
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.layers import TaskHead
from keras_meta.statistics.policy import is_stored


def model_of_task(model, values, policy, state, head=None, features_spec=None):
    """Returns an ordinary Keras model for one task.

    Args:
        model: The learner's `keras.Model`, which is copied.
        values: List of pairs of a variable of `model` and its value for the task. Variables of
            other models are ignored.
        policy: The learner's `StatisticsPolicy`.
        state: dict, name to tensor: the policy's own part of the task's state.
        head: A layer to append to the copy, or `None`.
        features_spec: Nest of `tf.TensorSpec` of the inputs of `model`; required with a head.

    Returns:
        A `keras.Model`.
    """
    copy = clone(model)
    twins = dict(zip(map(id, model.variables), copy.variables, strict=True))
    for variable, value in values:
        if id(variable) in twins:
            twins[id(variable)].assign(value)
    if head is not None:
        copy = with_head(copy, head, features_spec, model.name)
    normalises = FunctionalModel(copy).batch_normalizations
    if not normalises or is_stored(policy.queries(state, training=False)):
        return copy
    # Weights of the policy stay with the learner: what the task needs of them is in its state.
    return AdaptedModel(copy, type(policy).from_config(policy.get_config()), state)


def of_learner(learner, state, values, head, features_spec, model):
    """Returns an ordinary Keras model with the weights and statistics of a learner's task.

    See `MetaLearner.model_of_task`.
    """
    functional = learner.functional
    statistics = [(functional.state_variables[i], x) for i, x in state["statistics"].items()]
    model = learner.model if model is None else model
    number_of = {id(x): n for n, x in enumerate(functional.batch_normalizations)}
    layers = [number_of[id(layer)] for layer in batch_normalizations(model)]
    return model_of_task(
        model,
        [*values, *statistics],
        learner.statistics,
        learner.statistics.own_state(state, layers),
        head,
        features_spec,
    )


def head_layer(scorer, head, dtype):
    """Returns a layer that applies the head of a task.

    Args:
        scorer: `keras.layers.Layer` that is called with `[features, *head]` and is copied, or
            `None` for a linear head.
        head: List of tensors.
        dtype: Dtype of a linear head.
    """
    if scorer is None:
        return dense_head(*head, dtype)
    layer = TaskHead(clone(scorer), [tuple(x.shape) for x in head], name="head")
    layer.set_head(head)
    return layer


def with_head(model, head, features_spec, name, kind=keras.Model):
    """Returns a functional model `head(model(x))`.

    Args:
        model: A `keras.Model`.
        head: A layer.
        features_spec: Nest of `tf.TensorSpec` of the inputs of `model`.
        name: Name of the result.
        kind: Class of the result.
    """
    leaves = [
        keras.Input(s.shape[1:], dtype=s.dtype.name, name="_".join(map(str, path)) or None)
        for path, s in keras.tree.flatten_with_path(features_spec)
    ]
    inputs = keras.tree.pack_sequence_as(features_spec, leaves)
    return kind(inputs, head(model(inputs)), name=name)


@keras.saving.register_keras_serializable("keras_meta")
class AdaptedModel(keras.Model):
    """The model of one task, whose batch normalisation follows the policy of its learner.

    `adapt` returns it if the policy differs from the inference of stock Keras. With
    `batch_norm="transductive"`, for example, predictions depend on which examples are predicted
    together.

    Args:
        model: A built `keras.Model` with the weights of one task.
        statistics: A `keras_meta.statistics.StatisticsPolicy`, or its name.
        state: dict, name to tensor: the task state that the policy needs besides the statistics.
    """

    def __init__(self, model, statistics="transductive", state=None, name=None):
        super().__init__(name=name, dtype=model.dtype_policy, autocast=False)
        self.model = model
        self.functional = FunctionalModel(model)
        self.statistics = policies.get(statistics)
        self.state = {key: self._constant(value) for key, value in (state or {}).items()}
        self.built = True

    def _constant(self, value):
        variable = self.add_weight(shape=np.shape(value), trainable=False, name="state")
        variable.assign(value)
        return variable

    def call(self, inputs, training=False):
        weights = [v.value for v in self.functional.trainable_variables]
        rule = self.statistics.queries(self.state, training=False)
        return self.functional(inputs, weights, training=training, rule=rule).predictions

    def compute_output_shape(self, input_shape):
        return self.model.compute_output_shape(input_shape)

    def get_config(self):
        return {
            "model": serialize(self.model),
            "statistics": keras.saving.serialize_keras_object(self.statistics),
            "state": {key: np.asarray(value).tolist() for key, value in self.state.items()},
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        objects = ("model", "statistics")
        made = {key: keras.saving.deserialize_keras_object(config[key]) for key in objects}
        return cls(**{**config, **made})

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        del config
