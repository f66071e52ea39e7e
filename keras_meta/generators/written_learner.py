"""What all kinds of written learner share."""

import keras
import tensorflow as tf

from keras_meta.generators.skip_network import SkipNetwork
from keras_meta.inner_loop.linear_head import class_indicators


class WrittenLearner(keras.layers.Layer):
    """A kind of learner whose parameters a `LearnerGenerator` writes.

    Subclasses define `prepare` and `write`. Those that write a network of their own have it as
    `model`, and list in `variables_to_write` which of its variables they write; others predict from
    the generator's embedding.

    Args:
        units: int. Width of the hidden layer of what writes.
        name: Optional name.

    Attributes:
        model: `keras.Model` or `None`.
        variables_to_write: List of variables of `model`.
        num_outputs: int, or `None` where the labels tell.
        classifies: bool. Whether single labels are the numbers of classes.
    """

    model = None
    variables_to_write = ()
    num_outputs = None
    classifies = False

    def __init__(self, units=128, name=None):
        super().__init__(name=name)
        self.units = units
        self.prepared = False

    def prepare(self, embedding_size, description_size, dtype):
        """Creates the weights of what writes; called once, by the generator.

        Args:
            embedding_size: int. Length of an embedded example.
            description_size: int. Length of a description.
            dtype: `keras.DTypePolicy`.

        Raises:
            ValueError: If it is another generator's already.
        """
        del embedding_size, description_size, dtype
        if self.prepared:
            raise ValueError(
                "A kind of learner belongs to one generator, whose weights it holds. Make a new "
                f"one for each. Received: {self.name!r}, which is in use."
            )
        self.prepared = self.built = True

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
            return class_indicators(support_y, self.num_outputs), True
        if self.num_outputs not in (None, 1 if rank == 1 else last):
            raise ValueError(
                f"`support_y` does not fit the {self.num_outputs} outputs of what is written: it "
                "must be class numbers [support], or values [support, outputs]. "
                f"Received: the support_y of a task with shape {tuple(support_y.shape)}."
            )
        return (support_y[:, None] if rank == 1 else support_y), False

    def write(self, description):
        """Writes a learner.

        Args:
            description: A `Description`.

        Returns:
            List of tensors, the parameters.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `write`.")

    def predict(self, outputs, weights):
        """Predictions of the learner with these weights.

        Args:
            outputs: What `model` gave with them, or the embedding if there is none.
            weights: What `write` returned, or inner steps have made of it.
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


class OutputWriter(keras.layers.Layer):
    """Writes, for each output, numbers that depend on its description and that of the task.

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

    def prepare(self, description_size):
        """Creates the weights, for descriptions of this length."""
        self.network.build((None, 2 * description_size))
        self.built = True

    def call(self, description):
        """Returns a tensor `[outputs, size]`."""
        task = tf.broadcast_to(description.task, tf.shape(description.outputs))
        return self.network(tf.concat([description.outputs, task], -1))
