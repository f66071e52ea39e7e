"""The weights that belong to a task."""

import dataclasses

from keras_meta.exact.layers import layer_numbers
from keras_meta.inner_loop.selection import select


@dataclasses.dataclass(frozen=True)
class InnerWeights:
    """The weights that the inner steps change, and those that a task owns in other ways.

    Attributes:
        adapted: List of the positions of the weights that the inner steps change, among the weights
            that `FunctionalModel` takes.
        variables: The variables of these weights, or objects with their shapes and dtypes, for
            which the inner optimizer is prepared.
        layers: List of ints, the layer number of each of them.
        replaced: Variables of the model that are replaced in every pass, so that the outer loop
            does not learn them.
        of_task: List of the positions of all weights that belong to a task and form its state.
            Defaults to those that adapt.
        model: The model that the inner gradient flows through, or `None` if it does not flow
            through Keras layers.
    """

    adapted: list
    variables: list
    layers: list
    replaced: list = dataclasses.field(default_factory=list)
    of_task: list = None
    model: object = None

    def __post_init__(self):
        if self.of_task is None:
            object.__setattr__(self, "of_task", self.adapted)

    def without_replaced(self, variables):
        """Returns the variables of a list that are not replaced."""
        replaced = {id(variable) for variable in self.replaced}
        return [variable for variable in variables if id(variable) not in replaced]


def of_model(model, adapted_weights="all", replaced=(), fixed=()):
    """Returns the inner weights of a model.

    Args:
        model: A built `keras.Model`.
        adapted_weights: Which of its weights adapt. See `MAML`.
        replaced: See `InnerWeights`.
        fixed: Variables that belong to a task but do not adapt, regardless of `adapted_weights`.

    Returns:
        An `InnerWeights`.
    """
    every = list(model.trainable_variables)
    apart = {id(variable) for variable in fixed}
    chosen = select(every, model, adapted_weights)
    if adapted_weights == "context":  # starts from zero in every task
        replaced = [every[i] for i in chosen]
    adapted = [i for i in chosen if id(every[i]) not in apart]
    variables = [every[i] for i in adapted]
    of_task = [*adapted, *(i for i, variable in enumerate(every) if id(variable) in apart)]
    layers = layer_numbers(model, variables)
    return InnerWeights(adapted, variables, layers, list(replaced), of_task, model)


def put(weights, positions, values):
    """Returns a copy of a list of weights with those at some positions replaced.

    Args:
        weights: List of tensors.
        positions: List of ints.
        values: List of tensors, the replacements.
    """
    weights = list(weights)
    for position, value in zip(positions, values, strict=True):
        weights[position] = value
    return weights
