"""Settings of an inner optimizer that are meta-learned."""

import keras

GROUPINGS = ("all", "layer", "weight", "parameter")


@keras.saving.register_keras_serializable("keras_meta")
class Learned:
    """A setting of an inner optimizer that the outer loop learns.

    The value is `initial f` with a learned factor `f`, which starts at 1. An outer optimizer such
    as Adam, whose steps do not depend on the scale of a variable, then suits small and large
    settings equally well.

    Args:
        initial: float. The value before training.
        per: The parts of the adapted weights that have separate values: `"all"` for one value,
            each `"layer"`, each `"weight"` tensor, or each `"parameter"`, that is, each number in
            a weight.
        per_step: bool. Whether each inner step has a separate value. Steps beyond those of training
            use the value of the last one.
        constraint: A `keras.constraints.Constraint` that the outer optimizer applies to the
            factor, or `None`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras_meta
    from keras_meta.inner_optimizers import SGD, Learned

    optimizer = SGD(Learned(0.01, per="layer", per_step=True))
    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_steps=5, inner_optimizer=optimizer
    )
    assert optimizer.learning_rate.shape == (5, 3)
    ```
    """

    def __init__(self, initial, per="all", per_step=False, constraint=None):
        if isinstance(initial, bool) or not isinstance(initial, (int, float)):
            raise ValueError(f"`initial` must be a number. Received: initial={initial!r}.")
        if per not in GROUPINGS:
            raise ValueError(f"`per` must be one of {list(GROUPINGS)}. Received: per={per!r}.")
        self.initial = float(initial)
        self.per = per
        self.per_step = bool(per_step)
        self.constraint = keras.constraints.get(constraint)

    def get_config(self):
        return {
            "initial": self.initial,
            "per": self.per,
            "per_step": self.per_step,
            "constraint": keras.constraints.serialize(self.constraint),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
