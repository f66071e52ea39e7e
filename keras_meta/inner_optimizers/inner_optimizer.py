"""What an inner optimizer is."""


class InnerOptimizer:
    """A differentiable update rule: `weights, slots = update(weights, gradients, slots, step)`.

    Unlike a `keras.optimizers.Optimizer` it assigns nothing: it returns new tensors, through which
    the meta-gradient flows. Subclasses define `update`, and `init` where the rule keeps slots.
    """

    def init(self, weights):
        """Returns the slots before the first step. By default there are none."""
        del weights
        return ()

    def update(self, weights, gradients, slots, step):
        """Returns `(weights, slots)` after one step.

        Args:
            weights: List of tensors.
            gradients: List of tensors, or `None` where a weight has no gradient and stays.
            slots: What `init` or the step before returned.
            step: int. Number of this step, from 0.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `update(weights, gradients, slots, step)`."
        )
