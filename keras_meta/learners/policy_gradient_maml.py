"""Model-agnostic meta-learning of policies."""

import keras
import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.exact.copying import clone, serialize
from keras_meta.inner_loop.inner_weights import of_model
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.policy_learner import PolicyLearner
from keras_meta.policy_gradients import acting, estimators, outer_problem
from keras_meta.policy_gradients.advantages import LinearBaseline
from keras_meta.policy_gradients.policy_problem import policy_problem
from keras_meta.policy_gradients.trajectory_checks import checked
from keras_meta.policy_gradients.trust_region import TRPO
from keras_meta.serving import policy_exporting

_OBJECTS = (
    "environment",
    "estimator",
    "outer_rule",
    "baseline",
    "inner_optimizer",
    "adapted_weights",
)
_NUMBERS = ("inner_steps", "eval_inner_steps", "num_episodes", "first_order")
_NUMBERS += ("task_map", "seed", "name")


@keras.saving.register_keras_serializable("keras_meta")
class PolicyGradientMAML(PolicyLearner):
    """Learns initial weights of a policy from which a few policy gradient steps learn a task.

    Tasks are environments. With the surrogate `J` of the mean reward in sampled episodes `D_k`,

        w_0 = w,    D_k ~ policy w_k acting in the task,    w_{k+1} = w_k + a dJ/dw (w_k; D_k)
        maximise over w:  mean over tasks of  E[mean reward of w_K]

    The estimator chooses the surrogate of the inner steps, and the rule how the outer step uses the
    experience after adapting.

    Args:
        model: A built `keras.Model`, the policy: observations `[n, ...]` to the parameters of a
            distribution of actions `[n, outputs]`. For continuous actions these are means and
            logarithms of standard deviations: see `keras_meta.networks.gaussian_policy`. For
            discrete actions they are logits.
        environment: A `keras_meta.environments.Environment`.
        inner_learning_rate: See `MAML`.
        inner_steps: int. Number of inner steps in `fit`.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict` and `adapt`. Defaults
            to `inner_steps`.
        num_episodes: int. Number of episodes that each inner step, and the outer step, learn from.
        estimator: `"log_likelihood"`, `"e_maml"`, `"low_variance_curvature"`, `"dice"`,
            `"loaded_dice"`, or a `keras_meta.policy_gradients.Estimator`.
        outer_rule: A `keras_meta.policy_gradients.OuterRule`: `TRPO()`, the default, `PPO()`, or
            `PolicyGradient()`. The last two take steps of the compiled optimizer.
        baseline: Callable, `Trajectories` of a batch of tasks to `Advantages`. Defaults to
            `keras_meta.policy_gradients.LinearBaseline()`.
        first_order: See `MAML`.
        adapted_weights: See `MAML`. With `"head"` this is ANIL, with `"context"` CAVIA.
        inner_optimizer: See `MAML`. With `SGD(Learned(0.1, per="parameter"))` this is Meta-SGD.
        task_map: See `MetaLearner`.
        seed: int. Seed of all chance in rollouts, which is a function of it, the outer step, the
            task and the inner step.
        name: Optional name.

    Raises:
        ValueError: If the outputs of the policy do not fit the actions, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    environment = keras_meta.environments.Navigation(horizon=10)
    means = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, "tanh"),
                              keras.layers.Dense(2)])
    policy = keras_meta.networks.gaussian_policy(means)
    learner = keras_meta.learners.PolicyGradientMAML(policy, environment, 0.1, num_episodes=4)
    learner.compile()
    learner.fit(environment.as_dataset(batch_size=4), steps_per_epoch=2, verbose=0)
    (goals,) = environment.as_dataset(batch_size=1, num_batches=1)
    adapted = learner.adapt(goals[0])
    ```

    Reference:
        [Finn et al., 2017](https://arxiv.org/abs/1703.03400)
    """

    inner_steps = GraphConstant(count("inner_steps"))
    eval_inner_steps = GraphConstant(count("eval_inner_steps", optional=True))
    num_episodes = GraphConstant(count("num_episodes", least=2))
    first_order = GraphConstant(bool)

    def __init__(
        self,
        model,
        environment,
        inner_learning_rate=None,
        inner_steps=1,
        eval_inner_steps=None,
        num_episodes=20,
        estimator="log_likelihood",
        outer_rule=None,
        baseline=None,
        first_order=False,
        adapted_weights="all",
        inner_optimizer="sgd",
        task_map="auto",
        seed=0,
        name=None,
    ):
        super().__init__(model, environment, task_map, seed, name)
        self.inner_steps = inner_steps
        self.eval_inner_steps = eval_inner_steps
        self.num_episodes = num_episodes
        self.estimator = estimators.get(estimator)
        self.outer_rule = outer_rule or TRPO()
        self.baseline = baseline or LinearBaseline()
        self.first_order = first_order
        self.adapted_weights = adapted_weights
        # Bypasses Keras's attribute tracking, which would count its variables as the learner's.
        self.__dict__["inner_weights"] = of_model(model, adapted_weights)
        self.inner_optimizer = inner_optimizers.get(inner_optimizer, inner_learning_rate)
        self.inner_optimizer.prepare(
            self.inner_weights.variables, self.inner_weights.layers, self.inner_steps
        )
        self.report_returns(max(self.steps(training=True), self.steps(training=False)))

    def inner_problem(self, experiences):
        """Returns the `InnerProblem` of one task, given the `Experience` of each inner step."""
        return policy_problem(self, experiences)

    # Acting and adapting.

    def learn_tasks(self, tasks, training=False):
        """Acts and adapts in each task; the predictions are returns `[tasks, steps + 1]`."""
        return acting.gather(self, tasks, training)[1]

    def trajectories(self, tasks, steps=None, seed=0):
        """Episodes in each task after 0, 1, ..., `steps` inner steps.

        Args:
            tasks: A batch of tasks.
            steps: int. Number of inner steps. Defaults to the number at evaluation.
            seed: int. Another seed gives other episodes.

        Returns:
            List of `steps + 1` `Trajectories`, with a leading axis of tasks.
        """
        steps = self.steps(training=False) if steps is None else steps
        act = self.traced(
            ("trajectories", steps),
            lambda tasks, seed: [x.trajectories for x in acting.stages(self, tasks, steps, seed)],
        )
        return act(tasks, tf.constant(seed, tf.int64))

    def adapt(self, task=None, trajectories=None, steps=None, environment=None, seed=0):
        """Learns one task and returns an ordinary Keras model, the policy for it.

        The policy acts in the task before each inner step; or it learns from episodes of the task
        that it is given.

        Args:
            task: The parameters of one task of the environment.
            trajectories: `Trajectories` `[episodes, horizon, ...]` for one inner step, or a list of
                them for several. Unless their `outputs` are given, the policy before the step is
                taken to have acted.
            steps: int. Number of inner steps with a task. Defaults to the number at evaluation.
            environment: An `Environment` to act in. Defaults to that of the learner.
            seed: int. Another seed gives other episodes.

        Returns:
            A `keras.Model`: observations to the parameters of a distribution of actions. Its most
            likely actions are `learner.distribution.mode(outputs)`.

        Raises:
            ValueError: If not either a task or trajectories are given, or they do not fit.
        """
        if (task is None) == (trajectories is None):
            raise ValueError(
                "Pass either `task`, to act in it, or `trajectories` of it. "
                f"Received: task={task!r}, trajectories of type {type(trajectories).__name__}."
            )
        if task is not None:
            steps = self.steps(training=False) if steps is None else steps
            batch = tf.nest.map_structure(lambda x: tf.convert_to_tensor(x)[None], task)
            adapted = acting.adapted(self, batch, steps, tf.constant(seed, tf.int64), environment)
        else:
            listed = [trajectories] if hasattr(trajectories, "_fields") else list(trajectories)
            adapted = acting.adapted_to(self, [checked(self, x) for x in listed])
        values = zip(self.inner_weights.of_task, adapted, strict=True)
        policy = clone(self.model)
        for position, value in values:
            policy.trainable_variables[position].assign(value)
        return policy

    def export(self, filepath, verbose=True):
        """Exports the policy, to act and to learn tasks without Keras and this library.

        See `serving.policy_exporting.export`.
        """
        policy_exporting.export(self, filepath, verbose)

    # The outer step.

    def gradients_of(self, experience):
        """Meta-gradients from the `MetaExperience` of a batch of tasks. See `meta_gradients`."""
        return outer_problem.gradients(self, experience)

    def evaluate_at(self, values, experience):
        """Mean loss and mean divergence at other values of the trainable variables."""
        return outer_problem.evaluate_at(self, values, experience)

    def fisher_product(self, experience, tangent):
        """Product of a tangent with the Fisher information of the actions after adapting."""
        return outer_problem.fisher_product(self, experience, tangent)

    def meta_gradients(self, tasks):
        """Gradient of the outer objective, from new episodes in a batch of tasks."""
        return self.gradients_of(acting.gather(self, tasks, training=True)[0])

    def outer_update(self, tasks):
        """Acts, adapts, acts, and takes one outer step by the rule."""
        gathered, outcome = acting.gather(self, tasks, training=True)
        learned = self.outer_rule.update(self, gathered)
        return outcome._replace(loss=learned.loss)

    # Settings.

    def steps(self, training):
        """Number of inner steps in training, or at evaluation."""
        at_evaluation = not training and self.eval_inner_steps is not None
        return self.eval_inner_steps if at_evaluation else self.inner_steps

    # Saving.

    def get_config(self):
        objects = {
            name: keras.saving.serialize_keras_object(getattr(self, name)) for name in _OBJECTS
        }
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {"model": serialize(self.model), **objects, **numbers}

    @classmethod
    def from_config(cls, config):
        keys = ("model", *_OBJECTS)
        made = {key: keras.saving.deserialize_keras_object(config[key]) for key in keys}
        return cls(**{**config, **made})
