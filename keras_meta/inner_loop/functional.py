"""A Keras model as a function of its weights and state."""

import collections

import keras
import tensorflow as tf

from keras_meta.exact import attention, convolution, normalization, private, recurrence
from keras_meta.exact.replacement import replaced
from keras_meta.inner_loop import rules

ModelOutput = collections.namedtuple("ModelOutput", ["predictions", "state", "losses"])
ModelOutput.__doc__ = """The result of one forward pass.

Attributes:
    predictions: The output of the model.
    state: dict, variable index to tensor. The non-trainable state that was passed in, updated by
        this pass.
    losses: Scalar tensor or 0.0. Sum of `add_loss` terms and activity regularizers of this pass.
"""


class FunctionalModel:
    """Calls a built Keras model as `y, state = f(x; weights, state)`.

    The model is neither copied nor changed: its variables are replaced for the duration of one
    call, and values that the call assigns to them (normalisation statistics, counters) are returned
    instead of stored.

    Args:
        model: A built `keras.Model`.
        variables: List of the variables that `weights` replace. Defaults to those that are
            trainable.
        head: A head whose weights belong to a task, so that the model has no variables for them,
            such as a `heads.LinearHead`; or `None`. It is applied to the output of the model, with
            the last of `weights`.

    Attributes:
        trainable_variables: List of the variables that `weights` replace.
        state_variables: List of the other variables, except the seeds of random generators.
        batch_normalizations: List of the batch normalisation layers.
        moving_by_layer: List of pairs of such a layer and the positions of its moving mean and
            variance among `state_variables`.
        moving_indices: List of all those positions.

    Example:

    ```python
    import keras
    from keras_meta.inner_loop.functional import FunctionalModel

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    function = FunctionalModel(model)
    weights = [2.0 * v.value for v in model.trainable_variables]
    predictions = function(keras.ops.ones((4, 3)), weights).predictions
    ```
    """

    def __init__(self, model, variables=None, head=None):
        self.model = model
        self.head = head
        variables = model.trainable_variables if variables is None else variables
        self.trainable_variables = list(variables)
        fixed = list(model.non_trainable_variables)
        # Random generators get a seed per call instead of being passed along like other state.
        self.seed_variables = [v for v in fixed if private.is_seed_state(v)]
        self.state_variables = [v for v in fixed if not private.is_seed_state(v)]
        self.loss_dtype = "float64" if keras.config.floatx() == "float64" else "float32"
        self.batch_normalizations = normalization.batch_normalizations(model)
        positions = {id(v): i for i, v in enumerate(self.state_variables)}
        self.moving_by_layer = [
            (layer, [positions[id(layer.moving_mean)], positions[id(layer.moving_variance)]])
            for layer in self.batch_normalizations
        ]
        self.moving_indices = sorted(i for _, pair in self.moving_by_layer for i in pair)
        self.recurrences = recurrence.recurrences(model)

    def initial_weights(self):
        """Returns the model's current weights as tensors, and `None` for each of a task's head."""
        of_head = [None] * (0 if self.head is None else len(self.head.names))
        return [*(tf.convert_to_tensor(v.value) for v in self.trainable_variables), *of_head]

    def stored_state(self, index):
        """Returns the current value of a state variable as a tensor."""
        return tf.convert_to_tensor(self.state_variables[index].value)

    def regularization(self, weights):
        """Returns the sum of the weight regularizers at `weights`, or 0.0 if there are none."""
        return sum(
            variable.regularizer(weight)
            for variable, weight in zip(
                self.trainable_variables, self.split(weights)[0], strict=True
            )
            if variable.regularizer is not None
        )

    def split(self, weights):
        """Returns the weights of the model, and those of a task's head."""
        number = len(self.trainable_variables)
        return weights[:number], weights[number:]

    def __call__(
        self, x, weights, state=None, training=False, rule=rules.batch, seed=None, part=None
    ):
        """Runs the model, or a part of it, once.

        Args:
            x: Features, as inputs of the model.
            weights: List of tensors in the order of `trainable_variables`, followed by those of the
                head.
            state: dict, index in `state_variables` to tensor, for state that differs from the
                values stored in the model. Defaults to no difference.
            training: bool. Whether dropout and the like are active.
            rule: How batch normalisation normalises. See `rules`.
            seed: int tensor of shape `[2]`, or `None` to use the stored seeds of the generators.
            part: Callable `(x, training)` to run instead of the whole model, such as one layer. It
                is run without the head.

        Returns:
            A `ModelOutput`.
        """
        weights, of_head = self.split(weights)
        mapping = list(zip(self.trainable_variables, weights, strict=True))
        mapping += [(self.state_variables[i], value) for i, value in (state or {}).items()]
        if seed is not None:
            mapping += [
                (variable, tf.random.experimental.stateless_fold_in(seed, index))
                for index, variable in enumerate(self.seed_variables)
            ]
        scope = keras.StatelessScope(state_mapping=mapping, collect_losses=True)
        replacements = [
            *rules.replacements(self.batch_normalizations, rule),
            *convolution.replacements(),
            *attention.replacements(),
            *recurrence.replacements(self.recurrences),
        ]
        with scope, replaced(replacements):
            predictions = (part or self.model)(x, training=training)
        if self.head is not None and part is None:
            predictions = self.head(predictions, *of_head)
        written = {
            index: value
            for index, variable in enumerate(self.state_variables)
            if (value := scope.get_current_value(variable)) is not None
        }
        losses = sum(
            tf.cast(tf.reduce_sum(loss), self.loss_dtype) for loss in private.scope_losses(scope)
        )
        return ModelOutput(predictions, written, losses)


def fold_in(seed, number):
    """Derives a seed from `seed` and a number; returns `None` if `seed` is `None`.

    Args:
        seed: int tensor `[2]`, or `None`.
        number: int or scalar int tensor, such as the number of the inner step.
    """
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, number)
