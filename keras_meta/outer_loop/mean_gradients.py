"""The gradient of a mean over tasks, task by task."""

import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.inner_loop.adaptation import dense


def mean_gradients(model, learn, tasks, place=None):
    """Gradient of the mean loss over tasks, with respect to all trainable variables.

        sum over tasks of  d(loss of the task / number of tasks)

    Only the running sum is kept between tasks, so memory does not grow with the number of tasks.

    Args:
        model: An `OuterModel`.
        learn: Callable, `(task, seed) -> Outcome`.
        tasks: A batch of tasks, or a replica's part of one.
        place: The result of `replicas.place_in_batch`, for use inside a condition, in which
            replicas cannot ask each other.

    Returns:
        Tuple `(gradients, outcome)`. See `OuterModel.meta_gradients`.
    """
    parameters = model.trainable_variables
    first_task, share = place or replicas.place_in_batch(num_tasks(tasks))
    number = tf.cast(num_tasks(tasks), "float32")

    def of_task(task, seed):
        # By default a tape also watches frozen layers: variables that Keras froze after creation
        # are still trainable to TensorFlow, and their gradients would be computed in vain.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in parameters])
            outcome = learn(task, seed)
            loss = replicas.part(outcome.loss / tf.cast(number, outcome.loss.dtype))
            scaled = model.scale_loss(loss)
        gradients = dense(tape.gradient(scaled, parameters))
        for gradient, variable in zip(gradients, parameters, strict=True):
            if gradient is not None:  # products over tasks of unequal size may forget the shape
                gradient.set_shape(variable.shape)
        return gradients, outcome

    gradients, outcome = model.map_tasks(of_task, tasks, model.outer_step, first_task)
    if share is not None:
        # Turns the mean over the tasks of each replica into the mean over all tasks.
        gradients = [None if g is None else g * tf.cast(share, g.dtype) for g in gradients]
    return gradients, outcome


def num_tasks(tasks):
    """The number of tasks in a batch, as a scalar int tensor."""
    return tf.shape(next(x for x in tf.nest.flatten(tasks) if x is not None))[0]
