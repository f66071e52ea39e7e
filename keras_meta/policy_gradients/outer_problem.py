"""The outer problem: the objective after adapting, as a function of the initial weights."""

import keras
import tensorflow as tf

from keras_meta.outer_loop.mean_gradients import mean_gradients, num_tasks
from keras_meta.outer_loop.outcome import Outcome
from keras_meta.policy_gradients.estimator import mean


def learn(learner, experience):
    """Repeats the inner steps of one task on its experience.

    Args:
        learner: A `PolicyGradientMAML`.
        experience: The `MetaExperience` of a task.

    Returns:
        An `Outcome`. The loss is the negative outer objective; the predictions are the mean
        divergence of the policy after adapting from the one that acted.
    """
    problem, distribution = learner.inner_problem(experience.inner), learner.distribution
    steps, outer = len(experience.inner), experience.outer
    credit = 0.0
    for step, state in enumerate(problem.states(steps)):
        weights = problem.weights_at(state.weights, step)
        if step < steps:
            log_p = learner.log_probabilities(weights, experience.inner[step])
            credit += learner.estimator.credit(log_p, experience.gain)
    outputs = learner.outputs(weights, outer.observations)
    log_p = distribution.log_probability(outputs, outer.actions) * outer.mask
    ratio = tf.exp(log_p - outer.log_probabilities)
    objective = learner.outer_rule.objective(ratio, outer.advantages)
    divergence = distribution.divergence(outer.outputs, outputs) * outer.mask
    divergence = tf.reduce_sum(divergence) / tf.reduce_sum(outer.mask)
    return Outcome(-mean(objective, outer.mask) - credit, divergence, ())


def gradients(learner, experience):
    """Returns the gradient of the mean loss over tasks, and the `Outcome` of the tasks.

    Args:
        learner: A `PolicyGradientMAML`.
        experience: The `MetaExperience` of a batch of tasks.
    """
    return mean_gradients(learner, lambda task, seed: learn(learner, task), experience)


def evaluate_at(learner, values, experience):
    """Returns the mean loss and the mean divergence at other values of the trainable variables.

    Args:
        learner: A `PolicyGradientMAML`.
        values: List of tensors.
        experience: The `MetaExperience` of a batch of tasks.
    """
    with keras.StatelessScope(list(zip(learner.trainable_variables, values, strict=True))):
        _, outcome = learner.map_tasks(lambda task, seed: ((), learn(learner, task)), experience)
    return tf.reduce_mean(outcome.loss), tf.reduce_mean(outcome.predictions)


def fisher_product(learner, experience, tangent):
    """Product of a tangent with the Fisher information of the actions after adapting.

        F v = mean over tasks and steps of  J^T M J v

    with the Jacobian `J` of the policy's outputs after adapting with respect to the trainable
    variables, through the inner steps, and the information `M` of those outputs. At the weights
    that acted this is the Hessian of the mean divergence, and it is never indefinite. `J v` comes
    from differentiating forward, `J^T` backward.

    Args:
        learner: A `PolicyGradientMAML`.
        experience: The `MetaExperience` of a batch of tasks.
        tangent: List of tensors like the trainable variables.

    Returns:
        List of tensors like the trainable variables.
    """
    variables, number = learner.trainable_variables, num_tasks(experience)

    def of_task(task, seed):
        del seed
        outer, steps = task.outer, len(task.inner)
        values = [tf.identity(variable.value) for variable in variables]
        with (
            tf.GradientTape(watch_accessed_variables=False) as tape,
            tf.autodiff.ForwardAccumulator(values, tangent) as accumulator,
            keras.StatelessScope(list(zip(variables, values, strict=True))),
        ):
            tape.watch(values)
            problem = learner.inner_problem(task.inner)
            weights = problem.weights_at(problem.solve(steps).weights, steps)
            outputs = learner.outputs(weights, outer.observations)
        change = accumulator.jvp(outputs, unconnected_gradients="zero")
        share = outer.mask / tf.reduce_sum(outer.mask) / tf.cast(number, outer.mask.dtype)
        cotangent = learner.distribution.metric(outputs, change) * share[..., None]
        product = tape.gradient(
            outputs, values, tf.stop_gradient(cotangent), unconnected_gradients="zero"
        )
        return product, ()

    return learner.map_tasks(of_task, experience)[0]
