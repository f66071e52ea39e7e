"""The base class of generated learners, and the hypernetwork that generates them."""

import keras
import tensorflow as tf

from keras_meta.generators.skip_network import SkipNetwork
from keras_meta.heads.linear import one_hot_labels


class GeneratedLearner(keras.layers.Layer):
    """A learner whose parameters a `LearnerGenerator` generates.

    Subclasses define `prepare` and the methods that raise here. A subclass that generates a network
    holds it as `model` and lists the generated variables of that network in `generated_variables`;
    the others predict from the generator's embedding.

    Args:
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Attributes:
        model: `keras.Model` or `None`.
        generated_variables: List of variables of `model`.
        num_outputs: int, or `None` if the labels of a task determine it.
        classifies: bool. Whether a label that is a single number is a class number.
    """

    model = None
    generated_variables = ()
    num_outputs = None
    classifies = False

    def __init__(self, units=128, name=None):
        super().__init__(name=name)
        self.units = units
        self.prepared = False

    def prepare(self, embedding_size, task_embedding_size, dtype):
        """Creates the weights of the hypernetwork; called once, by the generator.

        Args:
            embedding_size: int. Length of an embedded example.
            task_embedding_size: int. Length of a task embedding.
            dtype: `keras.DTypePolicy`.

        Raises:
            ValueError: If it already belongs to a generator.
        """
        del embedding_size, task_embedding_size, dtype
        if self.prepared:
            raise ValueError(
                "A generated learner belongs to one generator, because it holds weights of that "
                "generator. Make a new one for each generator. "
                f"Received: {self.name!r}, which is already in use."
            )
        self.prepared = self.built = True

    @property
    def generated_weights(self):
        """List of what has the shape and dtype of each tensor that `generate` returns."""
        raise NotImplementedError(f"{type(self).__name__} must define `generated_weights`.")

    def weight_names(self):
        """List of the names of the tensors that `generate` returns."""
        raise NotImplementedError(f"{type(self).__name__} must define `weight_names`.")

    def targets(self, support_y):
        """Returns the targets of the support examples, with one column for each output.

        Args:
            support_y: Labels `[support]` or `[support, outputs]`.

        Returns:
            Tuple `(targets, are_classes)`: a tensor `[support, outputs]`, and whether its rows are
            one-hot labels.

        Raises:
            ValueError: If the labels do not fit the number of outputs.
        """
        rank, last = support_y.shape.rank, support_y.shape[-1]
        if self.classifies and (rank == 1 or last == 1):
            return one_hot_labels(support_y, self.num_outputs), True
        if self.num_outputs not in (None, 1 if rank == 1 else last):
            raise ValueError(
                f"`support_y` does not fit the {self.num_outputs} outputs of the generated "
                "learner. It must be class numbers [support] or values [support, outputs]. "
                f"Received: the support_y of a task with shape {tuple(support_y.shape)}."
            )
        return (support_y[:, None] if rank == 1 else support_y), False

    def generate(self, task_embedding):
        """Generates the parameters of a learner.

        Args:
            task_embedding: A `TaskEmbedding`.

        Returns:
            List of tensors.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `generate`.")

    def predict(self, outputs, weights):
        """Returns the predictions of the learner with these weights.

        Args:
            outputs: Outputs of `model` with these weights, or embedded examples if there is no
                `model`.
            weights: List of tensors from `generate`, or their values after inner steps.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `predict`.")

    def head(self, weights):
        """Returns `predict` as a layer, or `None` if `predict` returns its argument unchanged."""
        raise NotImplementedError(f"{type(self).__name__} must define `head`.")

    def regularization(self, weights):
        """Returns the penalty that is added to the loss of the predictions, or 0.0."""
        raise NotImplementedError(f"{type(self).__name__} must define `regularization`.")

    def get_config(self):
        return {"units": self.units, "name": self.name}


class OutputHypernetwork(keras.layers.Layer):
    """Generates the parameters of each output from its embedding `r_o` and the task embedding `r`.

        output o:   h([r_o, r])

    The same network `h` serves every output, so the number of outputs may vary from task to task,
    and permuting the classes permutes the outputs.

    Args:
        size: int. Number of parameters of an output.
        units: int. Width of the hidden layer.
        **kwargs: See `keras.layers.Layer`.
    """

    def __init__(self, size, units, **kwargs):
        super().__init__(**kwargs)
        self.network = SkipNetwork(units, size, name="network", dtype=self.dtype_policy)

    def prepare(self, task_embedding_size):
        """Creates the weights, for task embeddings of this length."""
        self.network.build((None, 2 * task_embedding_size))
        self.built = True

    def call(self, task_embedding):
        """Returns a tensor `[outputs, size]`."""
        task = tf.broadcast_to(task_embedding.task, tf.shape(task_embedding.outputs))
        return self.network(tf.concat([task_embedding.outputs, task], -1))
