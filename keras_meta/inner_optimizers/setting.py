"""A setting of an update rule: its value for each weight at each inner step."""

import tensorflow as tf

from keras_meta.inner_optimizers.learned import Learned


class Scheduled:
    """A setting that is a function of the inner step.

    Args:
        schedule: A `keras.optimizers.schedules.LearningRateSchedule`.
    """

    def __init__(self, schedule):
        self.schedule = schedule

    def read(self):
        """Returns a function `(position of a weight, step, dtype) -> tensor`."""
        return lambda position, step, dtype: tf.cast(self.schedule(step), dtype)


class Setting:
    """The variables of one setting of an inner optimizer.

    Args:
        owner: The `InnerOptimizer` to which the variables are added.
        name: str.
        value: float or `Learned`. For a float, the variable is not trainable.
        weights: List of the variables that adapt.
        layers: List of ints, the number of the layer of each variable.
        steps: int. Number of inner steps in training.
    """

    def __init__(self, owner, name, value, weights, layers, steps):
        learned = isinstance(value, Learned)
        self.spec = value if learned else Learned(value)
        self.learned = learned
        per, count = self.spec.per, len(weights)
        self.columns = {"layer": layers, "weight": range(count)}.get(per, [0] * count)
        shapes = {"all": [()], "layer": [(max(layers) + 1,)], "weight": [(count,)]}.get(per)
        if shapes is None:
            shapes = [tuple(w.shape) for w in weights]
            if any(None in shape for shape in shapes):
                raise ValueError(
                    "A setting for each parameter needs weights of known shapes. State `num_ways`. "
                    f"Received: `{name}` with per='parameter' for weights of shapes {shapes}."
                )
        # The variable is the factor of the initial value. See `Learned`.
        self.scale = self.spec.initial if learned and self.spec.initial else 1.0
        self.rows = max(steps, 1) if self.spec.per_step else None
        self.variables = []
        for number, shape in enumerate(shapes):
            variable = owner.add_weight(
                name=f"{name}_{number}" if per == "parameter" else name,
                shape=shape if self.rows is None else (self.rows, *shape),
                initializer="zeros",
                trainable=learned,
                constraint=self.spec.constraint,
                dtype=weights[0].dtype,
            )
            # A constant initializer would round the value to float32 in a float64 model.
            variable.assign(
                tf.fill(variable.shape, tf.constant(self.spec.initial / self.scale, variable.dtype))
            )
            self.variables.append(variable)

    def read(self):
        """Returns a function `(position of a weight, step, dtype) -> tensor`.

        The variables are read here and not by the function, because a variable that is read inside
        a checkpointed inner step gets no gradient.
        """
        tables = [self.scale * tf.convert_to_tensor(v.value) for v in self.variables]

        def at(position, step, dtype):
            table = tables[position if self.spec.per == "parameter" else 0]
            if self.rows is not None:
                table = table[tf.minimum(step, self.rows - 1)]
            if self.spec.per in ("layer", "weight"):
                table = table[self.columns[position]]
            return tf.cast(table, dtype)

        return at
