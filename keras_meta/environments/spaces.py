"""The actions that an environment takes."""

import dataclasses

from keras_meta.episodes.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class Continuous:
    """Actions that are vectors of real numbers.

    Attributes:
        size: int. Numbers in an action.
    """

    size: int

    def __post_init__(self):
        check_integer("size", self.size, minimum=1)


@dataclasses.dataclass(frozen=True)
class Discrete:
    """Actions that are chosen from a list.

    Attributes:
        num_actions: int.
    """

    num_actions: int

    def __post_init__(self):
        check_integer("num_actions", self.num_actions, minimum=1)
