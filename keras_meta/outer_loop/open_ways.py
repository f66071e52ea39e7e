"""What learners share that write an output for each class of a task."""

import keras

from keras_meta.outer_loop import padding
from keras_meta.outer_loop.graph_constant import GraphConstant


def number_of_ways(value):
    """Checks a number of ways, which may be `None`."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 2):
        raise ValueError(
            f"`num_ways` must be an integer >= 2 or None. Received: num_ways={value!r}."
        )
    return value


class OpenWays:
    """A learner without outputs of its own: it has as many as a task has classes.

    Attributes:
        num_ways: int, or `None` for as many as the largest support label of a task says.
    """

    num_ways = GraphConstant(number_of_ways)

    @property
    def num_outputs(self):
        """int, or `None`: the number of ways."""
        return self.num_ways

    def chosen_task_map(self):
        """`"loop"` or `"vectorize"`: only tasks with a stated number of ways are vectorised."""
        if self.num_outputs is not None:
            return super().chosen_task_map()
        if self.task_map == "vectorize":
            raise ValueError(
                "Tasks are vectorised with one number of ways. State `num_ways`, or use "
                "task_map='loop'. Received: task_map='vectorize', num_ways=None."
            )
        return "loop"

    def _largest_ways(self, inputs):
        return padding.num_ways(inputs) if self.num_outputs is None else None

    def _predictions_spec(self, features):
        rows = keras.tree.flatten(features)[0].shape[0]
        return keras.KerasTensor((rows, self.num_outputs), self.variable_dtype)

    def get_config(self):
        return {**super().get_config(), "num_ways": self.num_ways}
