"""Which weights belong to a task."""

import dataclasses

from keras_meta.exact.layers import layer_numbers
from keras_meta.inner_loop.selection import select


@dataclasses.dataclass(frozen=True)
class InnerWeights:
    """Which weights the inner steps change, and which belong to a task in another way.

    Attributes:
        adapted: List of the positions of the weights that the inner steps change, among the weights
            that `FunctionalModel` takes.
        variables: What the inner optimizer is prepared for: the variables of these weights, or
            anything with their shape and dtype.
        layers: List of ints, the number of the layer of each of them.
        replaced: Variables of the model in whose place every pass has something else, which the
            outer loop therefore does not learn.
        of_task: List of the positions of all weights that are a task's own, and its state.
            Defaults to those that adapt.
        model: The model that the inner gradient goes through, or `None` where it goes through
            none of Keras's layers.
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


def of_model(model, adapted_weights="all", replaced=(), fixed=()):
    """The inner weights of a model.

    Args:
        model: A built `keras.Model`.
        adapted_weights: Which of its weights adapt. See `MAML`.
        replaced: See `InnerWeights`.
        fixed: Variables that do not adapt, whatever `adapted_weights` says, and belong to a task
            all the same.

    Returns:
        An `InnerWeights`.
    """
    every = list(model.trainable_variables)
    apart = {id(variable) for variable in fixed}
    chosen = select(every, model, adapted_weights)
    adapted = [i for i in chosen if id(every[i]) not in apart]
    variables = [every[i] for i in adapted]
    of_task = [*adapted, *(i for i, variable in enumerate(every) if id(variable) in apart)]
    layers = layer_numbers(model, variables)
    return InnerWeights(adapted, variables, layers, list(replaced), of_task, model)


def put(weights, positions, values):
    """Returns a list of weights with others in some places.

    Args:
        weights: List of tensors.
        positions: List of ints.
        values: List of tensors, to stand there.
    """
    weights = list(weights)
    for position, value in zip(positions, values, strict=True):
        weights[position] = value
    return weights
