"""Learners that are linear in the generator's embedding."""

import keras
import tensorflow as tf

from keras_meta import losses
from keras_meta.generators.generated_learner import GeneratedLearner, OutputHypernetwork
from keras_meta.heads.linear import dense_head, mask_absent_classes


class LinearLearner(GeneratedLearner):
    """Outputs `f(x) W + b` for an embedding `f`, where `W` and `b` are generated.

    Column `o` of `W` and element `o` of `b` are generated from the embedding of output `o` and the
    task embedding. Subclasses define the loss.

    Args:
        penalty: float. Weight of the sum of squares of `W` in the loss.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.
    """

    def __init__(self, penalty=0.0, units=128, name=None):
        super().__init__(units, name)
        if not 0 <= penalty < float("inf"):
            raise ValueError(f"`penalty` must be a number >= 0. Received: penalty={penalty!r}.")
        self.penalty = penalty

    @property
    def loss(self):
        """The loss to pass to `compile`, which defines this learner."""
        raise NotImplementedError(f"{type(self).__name__} must define `loss`.")

    def prepare(self, embedding_size, task_embedding_size, dtype):
        super().prepare(embedding_size, task_embedding_size, dtype)
        self.embedding_size = embedding_size
        self.hypernetwork = OutputHypernetwork(
            embedding_size + 1, self.units, name="hypernetwork", dtype=dtype
        )
        self.hypernetwork.prepare(task_embedding_size)

    @property
    def generated_weights(self):
        dtype, outputs = self.hypernetwork.variable_dtype, self.num_outputs
        shapes = (self.embedding_size, outputs), (outputs,)
        return [keras.KerasTensor(shape, dtype) for shape in shapes]

    def weight_names(self):
        return ["kernel", "bias"]

    def generate(self, task_embedding):
        rows = tf.cast(self.hypernetwork(task_embedding), self.hypernetwork.variable_dtype)
        bias = mask_absent_classes(rows[:, -1], task_embedding.present)
        return [tf.transpose(rows[:, :-1]), bias]

    def predict(self, outputs, weights):
        kernel, bias = (tf.cast(weight, outputs.dtype) for weight in weights)
        return tf.matmul(outputs, kernel) + bias

    def head(self, weights):
        kernel, bias = weights
        return dense_head(kernel, bias, self.hypernetwork.dtype_policy)

    def regularization(self, weights):
        """Returns `penalty |W|^2`."""
        return self.penalty * tf.reduce_sum(tf.square(weights[0]))

    def get_config(self):
        return {"penalty": self.penalty, **super().get_config()}


class LinearClassifier(LinearLearner):
    """A linear learner with one output for each class.

    Args:
        num_ways: int. Number of outputs; classes without support examples are never predicted.
            `None` for variable way: as many outputs as the largest label of the support set
            requires.
        penalty: See `LinearLearner`.
        units: See `LinearLearner`.
        name: Optional name.
    """

    classifies = True

    def __init__(self, num_ways=None, penalty=0.0, units=128, name=None):
        super().__init__(penalty, units, name)
        if num_ways is not None and not (isinstance(num_ways, int) and num_ways >= 2):
            raise ValueError(
                f"`num_ways` must be an integer >= 2 or None. Received: num_ways={num_ways!r}."
            )
        self.num_ways = num_ways

    @property
    def num_outputs(self):
        """The number of ways."""
        return self.num_ways

    def get_config(self):
        return {"num_ways": self.num_ways, **super().get_config()}


@keras.saving.register_keras_serializable("keras_meta")
class LogisticRegression(LinearClassifier):
    """A generated logistic regression, trained with the cross-entropy loss.

    Args:
        num_ways: int. Number of classes, or `None` for variable way.
        penalty: float. Weight of the sum of squares of the kernel in the loss.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Example:

    ```python
    import keras_meta
    from keras_meta import generators

    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.LearnerGenerator(body, generators.LogisticRegression())
    learner.compile("adam", learner.generated.loss, metrics=["accuracy"])
    ```
    """

    @property
    def loss(self):
        """Cross-entropy of logits."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@keras.saving.register_keras_serializable("keras_meta")
class LinearSVM(LinearClassifier):
    """A generated linear support vector machine, trained with the multi-class hinge loss.

    Args:
        num_ways: int. Number of classes, or `None` for variable way.
        penalty: float. Weight of the sum of squares of the kernel in the loss. A larger penalty
            gives a wider margin.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Example:

    ```python
    import keras_meta
    from keras_meta import generators

    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.LearnerGenerator(body, generators.LinearSVM())
    learner.compile("adam", learner.generated.loss, metrics=["accuracy"])
    ```
    """

    def __init__(self, num_ways=None, penalty=1e-4, units=128, name=None):
        super().__init__(num_ways, penalty, units, name)

    @property
    def loss(self):
        """The multi-class hinge loss."""
        return losses.SparseCategoricalHinge()


@keras.saving.register_keras_serializable("keras_meta")
class LinearRegression(LinearLearner):
    """A generated linear regression (with a `penalty`, ridge), trained with the squared error.

    Args:
        penalty: float. Weight of the sum of squares of the kernel in the loss.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    learner = keras_meta.learners.LearnerGenerator(features, generators.LinearRegression())
    learner.compile("adam", learner.generated.loss)
    ```
    """

    @property
    def loss(self):
        """The squared error."""
        return keras.losses.MeanSquaredError()


@keras.saving.register_keras_serializable("keras_meta")
class LinearSVR(LinearLearner):
    """A generated linear support vector regression, trained with the epsilon-insensitive loss.

    Args:
        epsilon: float. Errors up to this size cost nothing.
        penalty: float. Weight of the sum of squares of the kernel in the loss.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    learner = keras_meta.learners.LearnerGenerator(features, generators.LinearSVR(epsilon=0.1))
    learner.compile("adam", learner.generated.loss, metrics=["mse"])
    ```
    """

    def __init__(self, epsilon=0.1, penalty=1e-4, units=128, name=None):
        super().__init__(penalty, units, name)
        self.epsilon = epsilon

    @property
    def loss(self):
        """The epsilon-insensitive loss."""
        return losses.EpsilonInsensitive(self.epsilon)

    def get_config(self):
        return {"epsilon": self.epsilon, **super().get_config()}
