"""What a learner hands back for one task."""

import keras

from keras_meta.inner_loop.functional import FunctionalModel


def clone(model):
    """Returns a copy of `model` with the same weights and state.

    Raises:
        ValueError: If the model does not describe itself well enough to be rebuilt.
    """
    try:
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
        for source, target in zip(model.variables, copy.variables, strict=True):
            target.assign(source)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(
            "The model could not be copied for the task. Give the subclass a `get_config()` that "
            "returns its constructor's arguments, and register it with "
            f"`keras.saving.register_keras_serializable`. Received: model {model.name!r} of type "
            f"{type(model).__name__}: {error}"
        ) from error
    return copy


def with_head(model, head, features_spec, name):
    """Returns a functional model `head(model(x))`.

    Args:
        model: A `keras.Model`.
        head: A layer.
        features_spec: Nest of `tf.TensorSpec`, what `model` takes.
        name: Name of the result.
    """
    leaves = [
        keras.Input(s.shape[1:], dtype=s.dtype.name, name="_".join(map(str, path)) or None)
        for path, s in keras.tree.flatten_with_path(features_spec)
    ]
    inputs = keras.tree.pack_sequence_as(features_spec, leaves)
    return keras.Model(inputs, head(model(inputs)), name=name)


@keras.saving.register_keras_serializable("keras_meta")
class AdaptedModel(keras.Model):
    """A model whose batch normalisation uses the statistics of the batch it predicts.

    It is what `adapt` returns for `batch_norm="transductive"`: its predictions depend on which
    examples are predicted together.

    Args:
        model: A built `keras.Model` with the weights of one task.
    """

    def __init__(self, model, name=None):
        super().__init__(name=name, dtype=model.dtype_policy, autocast=False)
        self.model = model
        self.functional = FunctionalModel(model)
        self.built = True

    def call(self, inputs, training=False):
        weights = [v.value for v in self.functional.trainable_variables]
        return self.functional(inputs, weights, training=training, statistics="batch").predictions

    def compute_output_shape(self, input_shape):
        return self.model.compute_output_shape(input_shape)

    def get_config(self):
        return {"model": keras.saving.serialize_keras_object(self.model), "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["model"]), name=config["name"])

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        del config
