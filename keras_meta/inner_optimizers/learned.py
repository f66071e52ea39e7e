"""Settings of an inner optimizer that are meta-learned."""

import keras

GROUPINGS = ("all", "layer", "weight", "parameter")


@keras.saving.register_keras_serializable("keras_meta")
class Learned:
    """A setting of an inner optimizer that the outer loop learns.

    What is learned is the factor `f`, which starts at 1, of `initial f`: an outer optimizer such as
    Adam, whose steps have a size of their own, then suits small and large settings alike.

    Args:
        initial: float. Its value before training.
        per: What has a value of its own: `"all"` adapted weights together, each `"layer"`, each
            `"weight"`, or each `"parameter"`, that is, each number in a weight.
        per_step: bool. Whether each inner step has its own. Steps beyond those of training use the
            value of the last one.
        constraint: A `keras.constraints.Constraint` that the outer optimizer keeps, or `None`.

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
