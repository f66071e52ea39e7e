"""Acting in tasks and adapting to them, all tasks of a batch at a time."""

import collections

import keras
import tensorflow as tf

from keras_meta.environments.rollout import rollout
from keras_meta.environments.trajectories import Trajectories
from keras_meta.exact import replicas
from keras_meta.inner_loop.functional import fold_in
from keras_meta.outer_loop import task_map
from keras_meta.outer_loop.mean_gradients import num_tasks
from keras_meta.outer_loop.outcome import Outcome
from keras_meta.policy_gradients.experience import MetaExperience, experience

Stage = collections.namedtuple("Stage", ["trajectories", "experience"])
Stage.__doc__ = """The episodes of a batch of tasks after some inner steps.

Attributes:
    trajectories: `Trajectories` with a leading axis of tasks.
    experience: Their `Experience`.
"""


def stages(learner, tasks, steps, outer_step, first_task=0):
    """Yields the `Stage` of a batch of tasks after 0, 1, ..., `steps` inner steps.

    Args:
        learner: A `PolicyGradientMAML`.
        tasks: A batch of tasks.
        steps: int. Number of inner steps.
        outer_step: int or scalar int tensor, on which the seeds depend.
        first_task: int or scalar int tensor. Index of the first of these tasks in its batch.
    """
    state = start(learner, num_tasks(tasks))
    for step in range(steps + 1):
        stage = act(learner, tasks, state, step, outer_step, first_task)
        yield stage
        if step < steps:
            state = inner_step(learner, stage.experience, state, step)


def gather(learner, tasks, training):
    """Returns the `MetaExperience` of a batch of tasks, and their `Outcome`.

    The loss is the negative return after the last inner step; the predictions are the returns
    `[tasks, steps + 1]`.

    Args:
        learner: A `PolicyGradientMAML`.
        tasks: A batch of tasks.
        training: bool. Whether the number of inner steps and the seeds are those of fitting.
    """
    first_task, _ = replicas.place_in_batch(num_tasks(tasks))
    steps = learner.steps(training)
    outer_step = learner.outer_step if training else tf.constant(0, tf.int64)
    *inner, last = stages(learner, tasks, steps, outer_step, first_task)
    returns = [
        tf.reduce_mean(tf.reduce_sum(stage.trajectories.rewards, -1), -1)
        for stage in (*inner, last)
    ]
    experiences = [stage.experience for stage in inner]
    gathered = MetaExperience(experiences, last.experience, _gain(last))
    return gathered, Outcome(-returns[-1], tf.stack(returns, 1), ())


def adapted(learner, tasks, steps, seed, environment=None):
    """Returns the weights of the first of some tasks after inner steps, by acting in it.

    Args:
        learner: A `PolicyGradientMAML`.
        tasks: A batch of tasks.
        steps: int. Number of inner steps.
        seed: Scalar int tensor.
        environment: An `Environment`, or `None` for that of the learner.
    """

    def learn(tasks, seed):
        state = start(learner, num_tasks(tasks))
        for step in range(steps):
            stage = act(learner, tasks, state, step, seed, environment=environment)
            state = inner_step(learner, stage.experience, state, step)
        return _of_first(learner, state, steps)

    if environment is not None:
        return learn(tasks, seed)
    return learner.traced(("adapted", steps), learn)(tasks, seed)


def adapted_to(learner, listed):
    """Returns the weights of a task after one inner step on each of some trajectories.

    Args:
        learner: A `PolicyGradientMAML`.
        listed: List of `Trajectories` of one task.
    """
    state = start(learner, 1)
    for step, trajectories in enumerate(listed):
        state = learn_from(learner, state, trajectories, step)
    return _of_first(learner, state, len(listed))


def learn_from(learner, state, trajectories, step):
    """Returns the `InnerState` of a batch of one task after an inner step on its trajectories.

    Args:
        learner: A `PolicyGradientMAML`.
        state: The `InnerState` before the step, with a leading axis of one task.
        trajectories: `Trajectories` of the task. Without `outputs`, the policy of the state acted.
        step: int. Number of inner steps taken.
    """
    batch = {name: x[None] for name, x in trajectories._asdict().items() if x is not None}
    if trajectories.outputs is None:
        batch["outputs"] = policy(learner, state.weights, step)(batch["observations"])
    batch = Trajectories(**batch)
    learned = experience(batch, learner.baseline(batch), learner.distribution)
    return inner_step(learner, learned, state, step)


def start(learner, number):
    """Returns the `InnerState` of so many tasks before the first step."""
    state = learner.inner_problem([]).start()
    return tf.nest.map_structure(lambda x: tf.repeat(x[None], number, 0), state)


def act(learner, tasks, state, step, outer_step, first_task=0, environment=None):
    """Returns the `Stage` of a batch of tasks, given their `InnerState` after `step` steps."""
    # The seed that is derived from a number depends on its type.
    of_step = fold_in(tf.constant([learner.seed, 0], tf.int64), tf.cast(outer_step, tf.int64))
    seeds = tf.map_fn(
        lambda task: fold_in(fold_in(of_step, task), step),
        tf.range(num_tasks(tasks)) + tf.cast(first_task, tf.int32),
        fn_output_signature=tf.TensorSpec([2], tf.int32),
    )
    trajectories = rollout(
        environment or learner.environment,
        tasks,
        policy(learner, state.weights, step),
        learner.distribution,
        learner.num_episodes,
        seeds,
    )
    with tf.control_dependencies(checks(trajectories)):
        trajectories = tf.nest.map_structure(tf.identity, trajectories)
    advantages = learner.baseline(trajectories)
    return Stage(trajectories, experience(trajectories, advantages, learner.distribution))


def policy(learner, weights, step):
    """Returns the policies of a batch of tasks as a function of observations.

    Args:
        learner: A `PolicyGradientMAML`.
        weights: List of tensors `[tasks, ...]`, the adapted weights.
        step: int. Number of inner steps taken.
    """
    problem = learner.inner_problem([])
    # All tasks share the initial weights. Not those of the first: a replica may have no task.
    shared = [tf.reduce_max(weight, 0) for weight in weights] if step == 0 else None

    def act(observations):
        if step == 0:
            return learner.outputs(problem.weights_at(shared, 0), observations)

        def of_task(task, index):
            del index
            adapted, seen = task
            return (), learner.outputs(problem.weights_at(adapted, step), seen)

        elements = (weights, observations)
        return task_map.map_tasks(of_task, elements, task_map.choose(learner.model))[1]

    return act


def inner_step(learner, experience, state, step):
    """Returns the `InnerState` of a batch of tasks after one more inner step."""

    def of_task(task, index):
        del index
        observed, state = task
        return (), learner.inner_problem({step: observed}).step(state, step)

    return task_map.map_tasks(of_task, (experience, state), learner.chosen_task_map())[1]


def checks(trajectories):
    """Returns assertions that observations, rewards and outputs of the policy are numbers."""
    remedies = {
        "observations": "Check the environment.",
        "rewards": "Check the environment.",
        "outputs": "The policy has diverged: lower the inner learning rate, or clip the inner "
        "gradients (`inner_optimizer=SGD(rate, global_clipnorm=...)`).",
    }
    return [
        tf.debugging.Assert(
            tf.reduce_all(tf.math.is_finite(tf.cast(values, keras.config.floatx()))),
            [
                f"The {name} of an episode must be finite numbers. {remedy} Received: NaN or "
                "infinity in the tasks of the batch that are marked 1:",
                tf.cast(
                    ~tf.reduce_all(tf.math.is_finite(values), list(range(1, values.shape.rank))),
                    tf.int32,
                ),
            ],
            summarize=100,
        )
        for name, remedy in remedies.items()
        if (values := getattr(trajectories, name)).dtype.is_floating
    ]


def _gain(stage):
    """Mean rewards of tasks, compared with those of the others and scaled like the advantages."""
    rewards = tf.reduce_mean(stage.trajectories.rewards, [1, 2])
    number = replicas.total(tf.cast(tf.shape(rewards)[0], rewards.dtype))
    scaled, unscaled = (
        tf.reduce_sum(tf.abs(part.rewards), [1, 2])
        for part in (stage.experience, stage.trajectories)
    )
    scale = tf.math.divide_no_nan(scaled, unscaled)
    others = replicas.total(tf.reduce_sum(rewards)) - rewards
    return scale * (rewards - others / tf.maximum(number - 1, 1))


def _of_first(learner, state, steps):
    problem = learner.inner_problem([])
    state = tf.nest.map_structure(lambda x: x[0], state)
    return problem.kept(state, steps)
