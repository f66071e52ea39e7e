"""Base class of normalisation policies."""

from keras_meta.exact import replicas
from keras_meta.inner_loop import rules


class StatisticsPolicy:
    """Determines the statistics that batch normalisation uses in a task, and those it keeps.

    A learner asks its policy for the rule of each pass over the support set and over the queries. A
    rule is a callable from one application of a layer to its outputs: see
    `keras_meta.inner_loop.rules`. Subclasses define `support` and `queries`, and override other
    methods if needed. A policy with weights is a `keras.layers.Layer` as well.

    Attributes:
        independent: bool. Whether the normalisation of an example does not depend on the other
            examples of its task.
        needs_support_pass: bool. Whether the statistics that queries are normalised by come from
            passes over the support set.
        joins_queries: bool. Whether `fit` normalises support set and queries together in learners
            that learn a task in one pass.

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
        """Creates the weights of the policy, if any; called once, before the learner is used.

        Args:
            learner: The `MetaLearner` that uses the policy.
        """

    def support(self, training, size):
        """Returns the rule of a pass over the support set.

        Args:
            training: bool. Whether the pass is part of `fit`.
            size: Scalar int tensor, the number of support examples.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `support`.")

    def queries(self, state, training):
        """Returns the rule of a pass over queries.

        Args:
            state: dict, the state of the task.
            training: bool. Whether the pass is part of `fit`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `queries`.")

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        """Returns the part of the state of a task that holds statistics.

        Args:
            functional: The `FunctionalModel` of the learner.
            written: dict, position in `functional.state_variables` to the value assigned by passes
                over the support set.
            support_pass: Callable without arguments that runs one pass over the support set with
                the adapted weights, and returns a dict like `written`.
            size: Scalar int tensor, the number of support examples.
            step: int. Number of inner steps taken.
            training: bool. Whether the passes are part of `fit`.

        Returns:
            dict, a part of the task's state: `"statistics"`, a dict like `written` that passes over
            queries start from, and any other entries that the policy needs.
        """
        del functional, support_pass, size, step, training
        return {"statistics": written}

    def own_state(self, state, layers):
        """Returns the entries of a task's state that `queries` needs besides `"statistics"`.

        Args:
            state: dict, the state of the task.
            layers: List of ints, the position of each normalisation layer of the task's model among
                `functional.batch_normalizations` of the learner.

        Returns:
            dict, name to tensor.
        """
        del state, layers
        return {}

    def observed(self, written):
        """Selects, from a pass over queries, the values that update the stored statistics.

        Args:
            written: dict, position in `functional.state_variables` to tensor.
        """
        del written
        return {}

    def observed_by_step(self, written):
        """Like `observed`, given the passes after every inner step; by default uses the last.

        Args:
            written: List of dicts, from the passes over the support set after each inner step and
                the last pass over the queries.
        """
        return self.observed(written[-1])

    def follow(self, functional, observed):
        """Moves the stored statistics towards the observed ones, averaged over tasks.

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
        """Returns the variable that stores a statistic; by default that of the layer itself."""
        return functional.state_variables[index]

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def is_stored(rule):
    """Whether a rule is the one of stock layers in inference, which need no replacement."""
    return rule is rules.stored
