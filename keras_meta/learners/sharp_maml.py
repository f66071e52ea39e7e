"""MAML that looks for flat minima, in the inner and in the outer loop."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.inner_loop import adaptation
from keras_meta.inner_loop.inner_weights import put
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, non_negative


@keras.saving.register_keras_serializable("keras_meta")
class SharpMAML(MAML):
    """MAML that minimises the loss nearby where it is largest, in one loop or in both.

    With radii `r` and `R`, and `L` the mean over tasks of the query loss `L_Q(w_K)`,

        e_k = r g / |g|,    g = dL_S/dw (w_k)
        w_{k+1} = w_k - a dL_S/dw (w_k + e_k)                    inner steps
        E = R G / |G|,      G = dL/dw (w)
        w <- w - b dL/dw (w + E)                                 outer step

    where the outer optimizer may replace the last line. A perturbation is a constant to all
    derivatives, as in sharpness-aware minimisation. `e_k` moves the weights that adapt, and `E` all
    that is meta-learned. Each of the two doubles the number of gradients that are taken. The
    reported loss and metrics are those of `w`.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        inner_radius: float. `r`, the length of the perturbation in the inner steps; 0 for none.
        outer_radius: float. `R`, the length of the perturbation in the outer step; 0 for none.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.SharpMAML(
        keras_meta.networks.SinusoidMLP(), 0.01, inner_radius=0.0005, outer_radius=0.05
    )
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Abbas et al., 2022](https://arxiv.org/abs/2206.03996);
        [Foret et al., 2021](https://arxiv.org/abs/2010.01412), sharpness-aware minimisation
    """

    approximations = (*MAML.approximations, "inner_radius", "outer_radius")
    inner_radius = GraphConstant(non_negative("inner_radius"))
    outer_radius = GraphConstant(non_negative("outer_radius"))

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=1,
        inner_radius=0.0005,
        outer_radius=0.05,
        **kwargs,
    ):
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        self.inner_radius = inner_radius
        self.outer_radius = outer_radius

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The problem of MAML, with the loss at perturbed weights. See `MAML`."""
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        if not self.inner_radius:
            return problem
        positions = self.inner_weights.adapted

        def loss(weights, data, written, step):
            def of(adapted):
                return problem.loss(put(weights, positions, adapted), data, written, step)

            adapted = [weights[i] for i in positions]
            gradients, _ = adaptation.gradients(of, adapted, first_order=True)
            return of(perturbed(adapted, gradients, self.inner_radius))

        return dataclasses.replace(problem, loss=loss)

    def meta_gradients(self, tasks):
        """Gradients at perturbed weights, and the outcome at the weights. See `OuterModel`."""
        gradients, outcome = super().meta_gradients(tasks)
        if not self.outer_radius:
            return gradients, outcome
        variables = self.trainable_variables
        values = [tf.convert_to_tensor(variable.value) for variable in variables]
        _assign(variables, perturbed(values, _of_all_replicas(gradients), self.outer_radius))
        gradients, _ = super().meta_gradients(tasks)
        _assign(variables, values)
        return gradients, outcome

    def get_config(self):
        return {
            **super().get_config(),
            "inner_radius": self.inner_radius,
            "outer_radius": self.outer_radius,
        }


def perturbed(weights, gradients, radius):
    """Returns `w + radius g / |g|`, in which `|g|` is the joint norm and the sum a constant step.

    Args:
        weights: List of tensors `w`.
        gradients: List of tensors `g`, or `None` for a weight that stays as it is.
        radius: float.

    Returns:
        List of tensors.
    """
    squares = [tf.reduce_sum(tf.square(g)) for g in gradients if g is not None]
    norm = tf.sqrt(tf.add_n(squares))  # TensorFlow's `global_norm` cannot be vectorised over tasks.
    scale = tf.math.divide_no_nan(tf.constant(radius, norm.dtype), norm)
    return [
        w if g is None else w + tf.stop_gradient(tf.cast(scale * g, w.dtype))
        for w, g in zip(weights, gradients, strict=True)
    ]


def _of_all_replicas(gradients):
    """Gradients of which each replica has a part, in the same proportion as their sum."""
    present = [g for g in gradients if g is not None]
    means = iter(replicas.mean_over_tasks([g[None] for g in present]))
    return [None if g is None else next(means) for g in gradients]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
