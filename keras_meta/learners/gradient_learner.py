"""What learners that take inner gradient steps share."""

import tensorflow as tf

from keras_meta.exact import second_order
from keras_meta.metrics.adaptation_curve import adaptation_curve
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.meta_learner import MetaLearner


class GradientLearner(MetaLearner):
    """A learner whose adaptation to a task takes, or may take, gradient steps.

    Subclasses define `adaptation`, which yields the task's state after each step, and set the
    attributes below.

    Attributes:
        inner_steps: int. Number of inner steps while fitting.
        eval_inner_steps: int. Number of inner steps otherwise, or `None` for as many.
        first_order: bool. Whether second derivatives are left out.
    """

    inner_steps = GraphConstant(count("inner_steps"))
    eval_inner_steps = GraphConstant(count("eval_inner_steps", optional=True))
    first_order = GraphConstant(bool)

    def adaptation(self, support_x, support_y, training=False, seed=None, steps=None):
        """Yields the task's state after 0, 1, ..., `steps` inner steps.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.
            steps: int. Defaults to `inner_steps` in training and `eval_inner_steps` otherwise.

        Yields:
            dict, the task's state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `adaptation`.")

    def predict_by_step(self, inputs, steps=None):
        """Predictions for the queries after 0, 1, ..., `steps` inner steps.

        Args:
            inputs: An episode batch.
            steps: int. Defaults to the number of steps at evaluation.

        Returns:
            Tensor `[steps + 1, tasks, query, ...]`.
        """
        inputs, _ = self._check(inputs)

        def by_step(inputs, index):
            del index
            states = self.adaptation(inputs["support_x"], inputs["support_y"], steps=steps)
            predictions = [self.predict_task(s, inputs["query_x"]).predictions for s in states]
            return (), tf.stack(predictions, axis=1), ()

        predictions = self._map_tasks(by_step, inputs)[1]
        return tf.experimental.numpy.moveaxis(predictions, 2, 0)

    def evaluate(self, x=None, *args, by_step=None, **kwargs):
        """Evaluates as `keras.Model.evaluate` does, or after every inner step.

        Args:
            x: Finite dataset of episodes, or what `keras.Model.evaluate` takes.
            *args: See `keras.Model.evaluate`.
            by_step: `"accuracy"`, `"mse"` or a callable, as in `metrics.adaptation_curve`; or
                `None`.
            **kwargs: See `keras.Model.evaluate`.

        Returns:
            What `keras.Model.evaluate` returns, or with `by_step` an `AdaptationCurve`.
        """
        if by_step is None:
            return super().evaluate(x, *args, **kwargs)
        return adaptation_curve(self, x, by_step)

    def second_order_problems(self, features_spec):
        """Lists what stops second derivatives, as `Problem(layer, operation, remedy)`.

        Args:
            features_spec: Nest of `tf.TensorSpec`, the model's input.
        """
        return second_order.problems(self.functional, features_spec)

    def check_second_order(self, features_spec):
        """Raises if an operation of the model stops second derivatives.

        Args:
            features_spec: Nest of `tf.TensorSpec`, the model's input.
        """
        found = self.second_order_problems(features_spec)
        if found:
            lines = [f"{p.operation} in layer {p.layer!r}: {p.remedy}" for p in found]
            raise ValueError(
                "The model has operations without a second derivative, so that the second-order "
                "meta-gradient would be wrong or missing. Replace them, or use first_order=True. "
                "Received: " + "; ".join(lines)
            )

    def _steps(self, training):
        at_evaluation = not training and self.eval_inner_steps is not None
        return self.eval_inner_steps if at_evaluation else self.inner_steps
