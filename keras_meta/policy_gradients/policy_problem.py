"""The inner problem of a task to act in."""

import functools

from keras_meta.inner_loop.inner_weights import put
from keras_meta.inner_loop.problem import InnerProblem


def policy_problem(learner, experiences):
    """Returns the problem of improving a policy by its own experience.

        L(w) = - surrogate of the mean reward, at the weights w, in the experience of the step

    Args:
        learner: A `PolicyGradientMAML`.
        experiences: List of the `Experience` of each inner step.

    Returns:
        An `InnerProblem` whose data at a step is the experience of that step.
    """
    weights, inner_weights = learner.functional.initial_weights(), learner.inner_weights
    optimizer = learner.inner_optimizer
    initial = [weights[i] for i in inner_weights.adapted]

    def loss(weights, data, written, step):
        del step
        log_probabilities = learner.log_probabilities(weights, data)
        return -learner.estimator.surrogate(log_probabilities, data), written

    return InnerProblem(
        initial_weights=initial,
        loss=loss,
        update=functools.partial(optimizer.update, settings=optimizer.read()),
        keep=lambda weights, written, step: [weights[i] for i in inner_weights.of_task],
        data_at=lambda weights, step, seed: experiences[step],
        weights_at=lambda adapted, step: put(weights, inner_weights.adapted, adapted),
        initial_slots=optimizer.init(initial),
        first_order=learner.first_order,
    )
