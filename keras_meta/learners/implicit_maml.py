"""MAML with implicit gradients, without differentiating the inner steps."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.inner_loop import adaptation, implicit
from keras_meta.inner_loop.problem import InnerState
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, count, positive


@keras.saving.register_keras_serializable("keras_meta")
class ImplicitMAML(MAML):
    """MAML with a proximal inner problem, differentiated implicitly at its solution.

        w* = argmin over v:  L_S(v) + regularization / 2 |v - w|^2
        dL_Q/dw = (1 + H / regularization)^-1 dL_Q/dw*,    H the Hessian of L_S at w*

    The inner steps approach `w*`; the inverse is applied by conjugate gradient with
    Hessian-vector products. Memory does not grow with the number of inner steps. The meta-gradient
    is only as accurate as the approximation of `w*`, so take enough inner steps.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float. See `MAML`.
        inner_steps: See `MAML`.
        regularization: float. Strength of the pull of the adapted weights to the initial ones.
        cg_steps: int. Number of conjugate gradient steps.
        **kwargs: The other arguments of `MAML`, except `first_order` and `checkpoint_steps`.

    Raises:
        ValueError: If an argument is invalid, or a setting of the inner optimizer is `Learned`.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.ImplicitMAML(
        keras_meta.networks.SinusoidMLP(), 0.01, inner_steps=16
    )
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Rajeswaran et al., 2019](https://arxiv.org/abs/1909.04630)
    """

    regularization = GraphConstant(positive("regularization"))
    cg_steps = GraphConstant(count("cg_steps"))

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=16,
        regularization=2.0,
        cg_steps=5,
        **kwargs,
    ):
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        if self.inner_optimizer.trainable_variables or self.first_order or self.checkpoint_steps:
            raise ValueError(
                "ImplicitMAML differentiates the solution of the inner problem, not the steps to "
                "it: it cannot learn their settings, and first_order and checkpoint_steps do not "
                f"apply. Received: inner_optimizer={self.inner_optimizer!r}, "
                f"first_order={self.first_order}, checkpoint_steps={self.checkpoint_steps}."
            )
        self.regularization = regularization
        self.cg_steps = cg_steps

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The inner problem of MAML with a proximal term. See `MAML`."""
        parameters = self.parameters() if parameters is None else parameters
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        adapted, initial = self.inner_weights.adapted, parameters["weights"]

        def loss(weights, data, written, step):
            value, *rest = problem.loss(weights, data, written, step)
            squares = [
                tf.reduce_sum(tf.square(tf.cast(weights[i] - initial[i], value.dtype)))
                for i in adapted
            ]
            return value + 0.5 * self.regularization * tf.add_n(squares), *rest

        return dataclasses.replace(problem, loss=loss)

    def adapt_task(self, support_x, support_y, training=False, seed=None, steps=None):
        """Takes `steps` steps towards `w*`."""
        steps = self.steps(training) if steps is None else steps
        parameters = self.parameters()

        def problem(flat):
            at = tf.nest.pack_sequence_as(parameters, flat)
            of_task = self.inner_problem(support_x, support_y, training, seed, at)
            return dataclasses.replace(of_task, first_order=False)

        def find(flat):
            stored = self.stored_state() if steps else None
            last = problem(flat).solve_without_derivative(steps, stored)
            return last.weights, last.written

        def gradient(weights, flat):
            # At the solution, use the noise and statistics of the step that would come next.
            loss = problem(flat).loss_at
            return adaptation.gradients(lambda w: loss(w, {}, steps), weights)[0]

        flat = tf.nest.flatten(parameters)
        weights, written = implicit.solution(find, gradient, flat, self.cg_steps)
        return problem(flat).kept(InnerState(weights, (), written), steps)

    def get_config(self):
        config = {
            **super().get_config(),
            "regularization": self.regularization,
            "cg_steps": self.cg_steps,
        }
        del config["first_order"], config["checkpoint_steps"]
        return config
