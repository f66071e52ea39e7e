"""The parts of the steps of `fit`, `evaluate` and `predict`, for any kind of task."""

import tensorflow as tf

from keras_meta.exact import private, replicas
from keras_meta.inner_loop.functional import fold_in
from keras_meta.outer_loop import task_map
from keras_meta.outer_loop.mean_gradients import num_tasks


def map_tasks(model, function, tasks, outer_step, first_task):
    """Applies a function to each task with the seed of the task. See `OuterModel.map_tasks`."""
    of_step = fold_in(tf.constant([model.seed, 0], tf.int64), outer_step)

    def of_task(task, index):
        return function(task, fold_in(of_step, index + first_task))

    return task_map.map_tasks(of_task, tasks, model.chosen_task_map(tasks))


def learn_tasks(model, tasks, training):
    """Learns each task of a batch. See `OuterModel.learn_tasks`."""
    first_task, _ = replicas.place_in_batch(num_tasks(tasks))

    def learn(task, seed):
        return (), model.learn_task(task, training, seed)

    return model.map_tasks(learn, tasks, model.outer_step if training else 0, first_task)[1]


def report(model, tasks, outcome):
    """Updates the loss and the compiled metrics, and returns their values."""
    number = tf.shape(outcome.loss)[0]
    loss = tf.math.divide_no_nan(tf.reduce_sum(outcome.loss), tf.cast(number, outcome.loss.dtype))
    private.loss_tracker(model).update_state(loss, sample_weight=number)
    x, y, y_pred, sample_weight = model.scored(tasks, outcome.predictions)
    return replicas.reducible(model.compute_metrics(x, y, y_pred, sample_weight))


def check_gradients(gradients):
    """Raises if no variable has a gradient, in which case Keras would speak of no variables."""
    if all(gradient is None for gradient in gradients):
        raise ValueError(
            "No weight has a meta-gradient: the outer loss does not depend on the model. "
            f"Received: a model with {len(gradients)} trainable variables."
        )
