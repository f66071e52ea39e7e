"""Outer steps within a trust region."""

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.policy_gradients.outer_rules import OuterRule


@keras.saving.register_keras_serializable("keras_meta")
class TRPO(OuterRule):
    """One natural gradient step, as long as a limit of divergence allows.

    With the gradient `g` of the loss `L` and the Fisher information `F` of the actions after
    adapting, both with respect to the initial weights `w`,

        x = (F + damping I)^-1 g                       by conjugate gradients
        s = sqrt(2 max_divergence / (x^T F x)) x
        w <- w - shrinkage^j s,    for the first j with  L lower and  KL <= max_divergence

    If there is none, the weights stay as they are. `KL` is the mean divergence of the policies
    after adapting, before and after the step. The compiled optimizer is not used. All tasks of a
    batch must be on one device.

    Args:
        max_divergence: float > 0, in nats.
        cg_steps: int. Number of steps of conjugate gradients.
        damping: float >= 0.
        shrinkage: float between 0 and 1.
        max_tries: int. Number of step lengths to try.

    Raises:
        ValueError: If `max_divergence` or `shrinkage` is out of its range.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, num_episodes=4, outer_rule=policy_gradients.TRPO(cg_steps=5)
    )
    learner.compile()
    learner.fit(bandit.as_dataset(batch_size=2), steps_per_epoch=1, verbose=0)
    ```

    Reference:
        [Schulman et al., 2015](https://arxiv.org/abs/1502.05477)
    """

    def __init__(self, max_divergence=0.01, cg_steps=10, damping=1e-5, shrinkage=0.8, max_tries=15):
        if not max_divergence > 0:
            raise ValueError(
                f"`max_divergence` must be > 0. Received: max_divergence={max_divergence!r}."
            )
        if not 0 < shrinkage < 1:
            raise ValueError(
                f"`shrinkage` must be between 0 and 1. Received: shrinkage={shrinkage!r}."
            )
        self.max_divergence = max_divergence
        self.cg_steps = cg_steps
        self.damping = damping
        self.shrinkage = shrinkage
        self.max_tries = max_tries

    def update(self, learner, experience):
        if replicas.count() > 1:
            raise ValueError(
                "`TRPO` searches the length of its step on one device, and replicas would take "
                "different steps. Train on one device, or with the outer rule `PPO()` or "
                f"`PolicyGradient()`. Received: a strategy of {replicas.count()} replicas."
            )
        variables = learner.trainable_variables
        shapes = [variable.shape for variable in variables]
        gradients, outcome = learner.gradients_of(experience)
        g = flatten(
            [
                tf.zeros_like(variable.value) if gradient is None else gradient
                for gradient, variable in zip(gradients, variables, strict=True)
            ]
        )
        start = flatten([tf.convert_to_tensor(variable.value) for variable in variables])

        def fisher(v):
            return flatten(learner.fisher_product(experience, unflatten(v, shapes)))

        x, rest = conjugate_gradients(lambda v: fisher(v) + self.damping * v, g, self.cg_steps)
        # x^T F x, where (F + damping I) x = g - rest.
        curvature = tf.reduce_sum(x * (g - rest - self.damping * x))
        curvature = tf.maximum(curvature, tf.constant(1e-12, x.dtype))
        step = tf.sqrt(2 * self.max_divergence / curvature) * x
        loss = tf.reduce_mean(outcome.loss)

        def is_good(candidate):
            new_loss, divergence = learner.evaluate_at(unflatten(candidate, shapes), experience)
            return (new_loss < loss) & (divergence <= self.max_divergence)

        weights = line_search(is_good, start, step, self.shrinkage, self.max_tries)
        for variable, value in zip(variables, unflatten(weights, shapes), strict=True):
            variable.assign(value)
        with tf.control_dependencies([weights]):  # and not if there was a fault
            learner.optimizer.iterations.assign_add(1)
        return outcome

    def get_config(self):
        return {
            "max_divergence": self.max_divergence,
            "cg_steps": self.cg_steps,
            "damping": self.damping,
            "shrinkage": self.shrinkage,
            "max_tries": self.max_tries,
        }


def conjugate_gradients(product, b, steps):
    """Solves `A x = b` for a symmetric positive definite `A`.

    Args:
        product: Callable, vector `v` to `A v`.
        b: Vector.
        steps: int. Largest number of steps; they end when the residual vanishes.

    Returns:
        Tuple `(x, residual)` of vectors, with `residual = b - A x`.
    """
    tiny = 1e-10 * tf.reduce_sum(b * b)

    def step(number, x, residual, direction, square):
        along = product(direction)
        length = square / tf.reduce_sum(direction * along)
        x, residual = x + length * direction, residual - length * along
        new_square = tf.reduce_sum(residual * residual)
        return number + 1, x, residual, residual + new_square / square * direction, new_square

    start = (tf.constant(0), tf.zeros_like(b), b, b, tf.reduce_sum(b * b))
    _, x, residual, *_ = tf.while_loop(
        lambda number, x, residual, direction, square: (number < steps) & (square > tiny),
        step,
        start,
        parallel_iterations=1,
    )
    return x, residual


def line_search(is_good, start, step, shrinkage, max_tries):
    """Returns `start - shrinkage^j step` for the first `j` that is good, or `start` if none is.

    Args:
        is_good: Callable, vector to bool tensor.
        start: Vector.
        step: Vector.
        shrinkage: float between 0 and 1.
        max_tries: int.
    """

    def attempt(number, found, result):
        candidate = start - shrinkage ** tf.cast(number, start.dtype) * step
        good = is_good(candidate)
        return number + 1, good, tf.where(good, candidate, result)

    *_, result = tf.while_loop(
        lambda number, found, result: (number < max_tries) & ~found,
        attempt,
        (tf.constant(0), tf.constant(False), start),
        parallel_iterations=1,
    )
    return result


def flatten(tensors):
    """Returns a vector of all numbers of a list of tensors."""
    return tf.concat([tf.reshape(x, [-1]) for x in tensors], 0)


def unflatten(vector, shapes):
    """Returns the list of tensors of these shapes that `flatten` made a vector of."""
    sizes = [tf.TensorShape(shape).num_elements() for shape in shapes]
    parts = tf.split(vector, sizes)
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
