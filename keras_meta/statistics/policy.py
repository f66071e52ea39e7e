"""By which statistics the examples of a task are normalised."""

from keras_meta.exact import replicas
from keras_meta.inner_loop import rules


class StatisticsPolicy:
    """By which statistics batch normalisation normalises a task, and what a task keeps of them.

    A learner asks its policy for the rule of each pass: over the support set while it adapts, and
    over the queries. A rule is a callable from a layer at work to its outputs: see
    `keras_meta.inner_loop.rules`. Subclasses define `support` and `queries`, and whatever else they
    do otherwise. One that has weights of its own is a `keras.layers.Layer` as well.

    Attributes:
        independent: bool. Whether an example is normalised without regard to the other examples of
            its task.
        needs_support_pass: bool. Whether what queries are normalised by comes of passes over the
            support set.
        joins_queries: bool. Whether fitting, a learner that learns a task in one pass normalises
            support set and queries together.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import statistics

    @keras.saving.register_keras_serializable("readme")
    class FirstExample(statistics.StatisticsPolicy):
        '''Normalises by the mean of the first example, without scaling.'''

        def support(self, training, size):
            return lambda layer: (layer.x - layer.x[:1] + layer.beta, None)

        def queries(self, state, training):
            return self.support(training, None)

    learner = keras_meta.learners.MAML(
        keras_meta.networks.Conv4(num_ways=5, filters=4), 0.4, batch_norm=FirstExample()
    )
    ```
    """

    independent = False
    needs_support_pass = False
    joins_queries = False

    @property
    def learned_variables(self):
        """What the outer loop learns of it: the trainable variables, if it is a layer."""
        return getattr(self, "trainable_variables", [])

    def prepare(self, learner):
        """Creates weights, if the policy has some; called once, before the learner is used.

        Args:
            learner: The `MetaLearner` that it belongs to.
        """

    def support(self, training, size):
        """Returns the rule of a pass over the support set.

        Args:
            training: bool. Whether the learner is fitted.
            size: Scalar int tensor, the number of support examples.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `support`.")

    def queries(self, state, training):
        """Returns the rule of a pass over queries.

        Args:
            state: dict, the state of the task.
            training: bool. Whether the learner is fitted.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `queries`.")

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        """What the state of a task has of the statistics.

        Args:
            functional: The `FunctionalModel` of the learner.
            written: dict, position in `functional.state_variables` to what passes over the support
                set have written.
            support_pass: Callable without arguments that returns what one pass over the support
                set writes, with the weights as adapted.
            size: Scalar int tensor, the number of support examples.
            step: int. Number of inner steps that were taken.
            training: bool. Whether the learner is fitted.

        Returns:
            dict to be part of the task's state: `"statistics"`, a dict like `written`, which passes
            over queries start from, and whatever the policy needs besides.
        """
        del functional, support_pass, size, step, training
        return {"statistics": written}

    def own_state(self, state, layers):
        """What `queries` needs of a task's state besides `"statistics"`, in a model of that task.

        Args:
            state: dict, the state of the task.
            layers: List of ints, the place of each normalisation layer of that model among
                `functional.batch_normalizations` of the learner.

        Returns:
            dict, name to tensor.
        """
        del state, layers
        return {}

    def observed(self, written):
        """What of that which passes over queries have written moves the stored statistics.

        Args:
            written: dict, position in `functional.state_variables` to tensor.
        """
        del written
        return {}

    def observed_by_step(self, written):
        """The same, where the passes after every inner step are known; by default of the last.

        Args:
            written: List of what the passes over the support set after the first step, and the last
                pass over the queries, have written.
        """
        return self.observed(written[-1])

    def follow(self, functional, observed):
        """Moves the stored statistics towards the mean over tasks of those observed.

            s <- momentum s + (1 - momentum) (mean over tasks)

        Args:
            functional: The `FunctionalModel` of the learner.
            observed: dict, position in `functional.state_variables` to tensor `[tasks, ...]`.
        """
        moving = [
            (layer.momentum, index)
            for layer, indices in functional.moving_by_layer
            for index in indices
            if index in observed and layer.trainable
        ]
        means = replicas.mean_over_tasks([observed[index] for _, index in moving])
        for (momentum, index), mean in zip(moving, means, strict=True):
            variable = self.followed(functional, index)
            variable.assign(momentum * variable + (1.0 - momentum) * mean)

    def followed(self, functional, index):
        """The variable that follows the statistic of this position: by default the layer's own."""
        return functional.state_variables[index]

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def is_stored(rule):
    """Whether a rule is that of stock layers in inference, which need no replacement."""
    return rule is rules.stored
