"""What all kinds of written learner share."""

import keras
import tensorflow as tf

from keras_meta.generators.skip_network import SkipNetwork
from keras_meta.heads.linear import one_hot_labels


class GeneratedLearner(keras.layers.Layer):
    """A kind of learner whose parameters a `LearnerGenerator` generates.

    Subclasses define `prepare` and `generate`. Those that generate a network of their own have it
    as `model`, and list in `generated_variables` which of its variables are generated; others
    predict from the generator's embedding.

    Args:
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Attributes:
        model: `keras.Model` or `None`.
        generated_variables: List of variables of `model`.
        num_outputs: int, or `None` where the labels tell.
        classifies: bool. Whether single labels are the numbers of classes.
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
            ValueError: If it is another generator's already.
        """
        del embedding_size, task_embedding_size, dtype
        if self.prepared:
            raise ValueError(
                "A kind of learner belongs to one generator, whose weights it holds. Make a new "
                f"one for each. Received: {self.name!r}, which is in use."
            )
        self.prepared = self.built = True

    @property
    def generated_weights(self):
        """List of what has the shape and dtype of each tensor that `generate` returns."""
        return list(self.generated_variables)

    def weight_names(self):
        """List of the names of the tensors that `generate` returns."""
        return [variable.path for variable in self.generated_variables]

    def targets(self, support_y):
        """What the learner is to give for each support example.

        Args:
            support_y: Labels `[support]` or `[support, outputs]`.

        Returns:
            Tuple `(targets, are_classes)`: a tensor `[support, outputs]`, and whether its rows are
            one-hot.
        """
        rank, last = support_y.shape.rank, support_y.shape[-1]
        if self.classifies and (rank == 1 or last == 1):
            return one_hot_labels(support_y, self.num_outputs), True
        if self.num_outputs not in (None, 1 if rank == 1 else last):
            raise ValueError(
                f"`support_y` does not fit the {self.num_outputs} outputs of what is written: it "
                "must be class numbers [support], or values [support, outputs]. "
                f"Received: the support_y of a task with shape {tuple(support_y.shape)}."
            )
        return (support_y[:, None] if rank == 1 else support_y), False

    def generate(self, task_embedding):
        """Writes a learner.

        Args:
            task_embedding: A `TaskEmbedding`.

        Returns:
            List of tensors, the parameters.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `generate`.")

    def predict(self, outputs, weights):
        """Predictions of the learner with these weights.

        Args:
            outputs: What `model` gave with them, or the embedding if there is none.
            weights: What `generate` returned, or inner steps have made of it.
        """
        del weights
        return outputs

    def head(self, weights):
        """Returns a layer that does what `predict` does, or `None` where that does nothing."""
        del weights
        return None

    def regularization(self, weights):
        """What the loss of the learner has besides that of its predictions."""
        del weights
        return 0.0

    def get_config(self):
        return {"units": self.units, "name": self.name}


class OutputHypernetwork(keras.layers.Layer):
    """Writes, for each output, numbers that depend on its embedding and that of the task.

    Because one network writes all outputs, their number may vary, and classes in another order are
    the same learner with its outputs in that order.

    Args:
        size: int. How many numbers.
        units: int. Width of the hidden layer.
        **kwargs: See `keras.layers.Layer`.
    """

    def __init__(self, size, units, **kwargs):
        super().__init__(**kwargs)
        self.network = SkipNetwork(units, size, name="network", dtype=self.dtype_policy)

    def prepare(self, task_embedding_size):
        """Creates the weights, for descriptions of this length."""
        self.network.build((None, 2 * task_embedding_size))
        self.built = True

    def call(self, task_embedding):
        """Returns a tensor `[outputs, size]`."""
        task = tf.broadcast_to(task_embedding.task, tf.shape(task_embedding.outputs))
        return self.network(tf.concat([task_embedding.outputs, task], -1))
