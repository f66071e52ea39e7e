"""The inner problem of a labelled support set."""

import functools

import keras
import tensorflow as tf

from keras_meta.inner_loop import losses
from keras_meta.inner_loop.functional import fold_in
from keras_meta.inner_loop.inner_weights import put
from keras_meta.inner_loop.problem import InnerProblem


def support_problem(learner, support_x, support_y, training, seed, parameters, run=None):
    """Returns the problem of fitting a model to a support set `(x, y)` by its loss.

        L(w) = inner loss of (y, f(x; w)) + losses and regularizers of the model at w

    Args:
        learner: A `MAML`, which provides the functional model, the inner loss, the inner optimizer,
            and the normalisation policy.
        support_x: Features `[support, ...]`.
        support_y: Labels `[support, ...]`.
        training: bool. Whether dropout is active.
        seed: int tensor `[2]`, or `None`.
        parameters: dict of lists of tensors: `"weights"`, all weights of the model; `"loss"`, those
            of the inner loss; `"statistics"`, those of the policy of normalisation.
        run: Callable, `(x, weights, state, training, rule, seed) -> ModelOutput`: one pass over
            examples. Defaults to the functional model, with its weight regularizers as losses.

    Returns:
        An `InnerProblem` whose data at every step is the support set.
    """
    weights, inner_weights = parameters["weights"], learner.inner_weights
    policy, optimizer = learner.statistics, learner.inner_optimizer
    learned = list(zip(losses.variables(learner.inner_loss), parameters["loss"], strict=True))
    of_policy = list(zip(policy.learned_variables, parameters["statistics"], strict=True))
    size = tf.shape(keras.tree.flatten(support_y)[0])[0]
    with keras.StatelessScope(state_mapping=of_policy):
        rule = policy.support(training, size)

    run = functools.partial(_regularized, learner.functional) if run is None else run

    def run_at(step, x, weights, written):
        noise = fold_in(seed, step + learner.first_noise)
        return run(x, weights, written, training, rule, noise)

    def inner_loss(weights, data, written, step):
        loss = losses.of_learner(learner)
        x, y = data
        output = run_at(step, x, weights, written)
        with keras.StatelessScope(state_mapping=learned):
            value = losses.support_loss(loss, y, output.predictions)
        scale = losses.gradient_scale(loss, y, output.predictions)
        return value + tf.cast(output.losses, value.dtype), output.state, scale

    def keep(weights, written, step):
        def support_pass():
            return run_at(step, support_x, weights, written).state

        kept = policy.keep(learner.functional, written, support_pass, size, step, training)
        return {"weights": [weights[i] for i in inner_weights.of_task], **kept}

    initial = [weights[i] for i in inner_weights.adapted]
    return InnerProblem(
        initial_weights=initial,
        loss=inner_loss,
        update=functools.partial(optimizer.update, settings=optimizer.read()),
        keep=keep,
        data_at=lambda weights, step, seed: (support_x, support_y),
        weights_at=lambda adapted, step: put(weights, inner_weights.adapted, adapted),
        initial_slots=optimizer.init(initial),
        seed=seed,
        first_order=learner.first_order,
    )


def _regularized(functional, x, weights, *how):
    output = functional(x, weights, *how)
    return output._replace(losses=output.losses + functional.regularization(weights))
