"""The base class of generated networks, whose head is generated output by output."""

import math

import keras
import tensorflow as tf

from keras_meta.exact.copying import serialize
from keras_meta.exact.layers import layers_with_weights
from keras_meta.generators.generated_learner import GeneratedLearner, OutputHypernetwork
from keras_meta.heads.linear import mask_absent_classes


class GeneratedNetwork(GeneratedLearner):
    """A Keras model with generated weights: those of its last layer output by output.

    For output `o` of a last layer with kernel `V` and bias `c`, a network `h` generates

        [V_o, c_o] = mean over outputs of [V, c]  +  h(embedding of o, task embedding)

    so that the order in which the classes are numbered does not matter. Subclasses generate the
    weights of the body, that is, of all other layers. Where outputs mean the same in all tasks,
    such as the characters of a text, `generate_head=False` makes the last layer part of the body.

    Args:
        model: A built `keras.Model` with one output, which predicts for a single task.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.
        generate_head: bool. Whether the last layer is generated output by output.
        target_mean: float. The mean of the labels, if they are values.
        target_scale: float. Their standard deviation: the task encoder reads standardised values.

    Raises:
        ValueError: If the last layer with weights does not give the outputs of the model.
    """

    def __init__(
        self,
        model,
        units=128,
        name=None,
        generate_head=True,
        target_mean=0.0,
        target_scale=1.0,
    ):
        super().__init__(units, name)
        self.generate_head = generate_head
        self.target_mean = target_mean
        self.target_scale = target_scale
        if not isinstance(model, keras.Model) or not model.trainable_variables:
            raise ValueError(
                "`model` must be a built `keras.Model` with trainable weights. "
                f"Received: {model!r}."
            )
        self.model = model
        head = layers_with_weights(model)[-1]
        of_head = list(head.trainable_variables)
        self.head_variables = of_head if generate_head else []
        inside = {id(variable) for variable in self.head_variables}
        self.body_variables = [v for v in model.trainable_variables if id(v) not in inside]
        outputs = {v.shape[-1] for v in of_head}
        if len(outputs) != 1 or getattr(model, "output_shape", (None,))[-1] not in outputs:
            raise ValueError(
                "The last layer with weights must give the outputs of the model, as a `Dense` "
                "layer does, because its weights are generated output by output. Received: a model "
                f"with outputs {getattr(model, 'output_shape', None)}, whose last layer is "
                f"{head.name!r} with weights of shapes "
                f"{[tuple(v.shape) for v in of_head]}."
            )
        (self.num_outputs,) = outputs

    def targets(self, support_y):
        targets, are_classes = super().targets(support_y)
        if are_classes or (self.target_mean, self.target_scale) == (0.0, 1.0):
            return targets, are_classes
        return (targets - self.target_mean) / self.target_scale, False

    @property
    def classifies(self):
        """Whether the outputs are scores of classes, if labels are single numbers."""
        return self.num_outputs > 1

    @property
    def generated_variables(self):
        """The generated variables of the body, then those of the head."""
        return [*self.body_variables, *self.head_variables]

    @property
    def generated_weights(self):
        return self.generated_variables

    def weight_names(self):
        return [variable.path for variable in self.generated_variables]

    def prepare(self, embedding_size, task_embedding_size, dtype):
        super().prepare(embedding_size, task_embedding_size, dtype)
        if not self.generate_head:
            return
        sizes = [math.prod(v.shape[:-1]) for v in self.head_variables]
        self.head_hypernetwork = OutputHypernetwork(
            sum(sizes), self.units, name="head_hypernetwork", dtype=dtype
        )
        self.head_hypernetwork.prepare(task_embedding_size)

    def generate(self, task_embedding):
        head = self._generate_head(task_embedding) if self.generate_head else []
        return [*self.generate_body(task_embedding.task), *head]

    def predict(self, outputs, weights):
        """Returns the outputs of the model, which are the predictions."""
        del weights
        return outputs

    def head(self, weights):
        """Returns `None`: the model has its head."""
        del weights

    def regularization(self, weights):
        """Returns 0.0."""
        del weights
        return 0.0

    def generate_body(self, task):
        """Generates the weights of the body.

        Args:
            task: Tensor `[size]`, the task embedding.

        Returns:
            List of tensors, in the order of `body_variables`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `generate_body`.")

    def _generate_head(self, task_embedding):
        sizes = [math.prod(v.shape[:-1]) for v in self.head_variables]
        changes = tf.split(tf.transpose(self.head_hypernetwork(task_embedding)), sizes)
        weights = []
        for variable, change in zip(self.head_variables, changes, strict=True):
            shared = tf.reduce_mean(variable.value, -1, keepdims=True)
            weight = shared + tf.reshape(tf.cast(change, shared.dtype), variable.shape)
            if len(variable.shape) == 1:
                weight = mask_absent_classes(weight, task_embedding.present)
            weights.append(weight)
        return weights

    def get_config(self):
        return {
            "model": serialize(self.model),
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
            **super().get_config(),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})
