"""The weights of an embedding that all tasks share."""


class SharedWeights:
    """Every task is embedded with the weights of the learner.

    An `EmbeddingLearner` asks its `task_weights` for the weights of each task. Another object with
    these methods, such as `generators.modulation.Modulation`, gives a task weights of its own.
    """

    def check_shared(self, learner):
        """Raises if the embedding of an example depends on its task."""

    def read(self, learner, support_x, support_y, rule, training, seed):
        """Reads a support set.

        Args:
            learner: The `EmbeddingLearner`.
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            rule: By which batch normalisation normalises. See `inner_loop.rules`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.

        Returns:
            Tuple of a dict of tensors, which becomes a part of the task's state, and the losses of
            the pass.
        """
        del learner, support_x, support_y, rule, training, seed
        return {}, 0.0

    def weights(self, learner, state):
        """Returns the weights that passes over the examples of a task take, a list of tensors.

        Args:
            learner: The `EmbeddingLearner`.
            state: dict with the entries that `read` returned.
        """
        del state
        return learner.functional.initial_weights()

    def values(self, state):
        """Returns pairs of a variable and its value for the task, where they differ."""
        del state
        return []
