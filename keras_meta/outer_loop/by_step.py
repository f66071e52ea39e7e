"""A task after each inner step."""

import tensorflow as tf

from keras_meta.exact import keras_masks
from keras_meta.outer_loop import episode


def states(learner, support_x, support_y, training=False, seed=None, steps=None):
    """Yields the task's state after 0, 1, ..., `steps` inner steps; once if there are none.

    Args:
        learner: A `MetaLearner`.
        support_x: Features `[support, ...]`.
        support_y: Labels `[support, ...]`.
        training: bool. Whether dropout is active.
        seed: int tensor `[2]`, or `None`.
        steps: int. Number of inner steps, for learners that take any. Defaults to the number in
            training or at evaluation.

    Raises:
        ValueError: If the learner takes no inner steps and `steps` is given.
    """
    if learner.inner_weights is not None:
        problem = learner.inner_problem(support_x, support_y, training, seed)
        steps = learner.steps(training) if steps is None else steps
        for step, state in enumerate(problem.states(steps)):
            yield problem.kept(state, step)
        return
    if steps:
        raise ValueError(
            f"{type(learner).__name__} learns a task in one pass, without inner steps. Leave "
            f"`steps` out. Received: steps={steps}."
        )
    yield learner.adapt_task(support_x, support_y, training, seed)


def predictions(learner, inputs, steps=None):
    """Predictions for the queries after each inner step. See `MetaLearner.predict_by_step`."""

    def of_task(task, seed):
        del seed
        x = episode.without_padding(task).inputs
        of_steps = states(learner, x["support_x"], x["support_y"], steps=steps)
        predicted = [learner.predict_task(s, x["query_x"]).predictions for s in of_steps]
        return (), [episode.with_padding(p, task) for p in predicted]

    by_step = learner.map_tasks(of_task, learner.unpack_inputs(inputs))[1]
    masks = keras_masks.masks(by_step)
    return keras_masks.with_masks(tf.stack(by_step), None if None in masks else tf.stack(masks))
