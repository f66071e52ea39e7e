"""A learner whose tasks are not episodes: it pulls the arms of a bandit to learn which one pays."""

import functools

import keras
import tensorflow as tf

from keras_meta import episodes, inner_optimizers
from keras_meta.inner_loop import InnerProblem, fold_in
from keras_meta.outer_loop import Outcome, OuterModel

NUM_ARMS = 4


@keras.saving.register_keras_serializable("tests")
class Bandits(OuterModel):
    """Learns a policy from which a few steps of policy gradient find the arm that pays.

    A task is a vector of arm probabilities `p`. With the policy `softmax(w)`, the arms `a_i` that
    it pulls, their rewards `r_i ~ Bernoulli(p[a_i])` and the mean reward `b`,

        J(w; a, r) = mean of (r_i - b) log softmax(w)[a_i]
        w_{k+1} = w_k + inner_learning_rate dJ/dw (w_k; pulls of softmax(w_k))
        loss = -J(w_K; pulls of softmax(w_K))

    The prediction for a task is its adapted policy.
    """

    def __init__(self, inner_learning_rate=6.0, inner_steps=2, num_pulls=20, **kwargs):
        super().__init__(**kwargs)
        self.inner_steps = inner_steps
        self.num_pulls = num_pulls
        self.logits = self.add_weight(shape=(NUM_ARMS,), initializer="zeros", name="logits")
        self.inner_optimizer = inner_optimizers.get("sgd", inner_learning_rate)
        self.inner_optimizer.prepare([self.logits], layers=[0], steps=inner_steps)

    def pull(self, arms, logits, seed):
        """Draws arms by the policy, and their rewards: a function of the seed."""
        shape = [1, self.num_pulls]
        pulls = tf.random.stateless_categorical(logits[None], shape[1], fold_in(seed, 0))[0]
        chance = tf.random.stateless_uniform(shape, fold_in(seed, 1), dtype=arms.dtype)[0]
        return pulls, tf.cast(chance < tf.gather(arms, pulls), arms.dtype)

    def inner_problem(self, arms, seed):
        """What the inner steps solve: at each step, pulls by the policy as it is then."""
        initial = [tf.convert_to_tensor(self.logits.value)]
        return InnerProblem(
            initial_weights=initial,
            loss=lambda weights, data, written, step: (surrogate(weights[0], *data), written),
            update=functools.partial(
                self.inner_optimizer.update, settings=self.inner_optimizer.read()
            ),
            keep=lambda weights, written, step: {"weights": weights},
            data_at=lambda weights, step, seed: self.pull(arms, weights[0], seed),
            initial_slots=self.inner_optimizer.init(initial),
            seed=seed,
        )

    def learn_task(self, arms, training, seed):
        problem = self.inner_problem(arms, seed)
        state = problem.kept(problem.solve(self.inner_steps), self.inner_steps)
        (logits,) = state["weights"]
        # A number that no inner step has: pulls that nothing was learned from.
        fresh = self.pull(arms, logits, fold_in(seed, self.inner_steps))
        return Outcome(surrogate(logits, *fresh), tf.nn.softmax(logits), {})

    def scored(self, tasks, predictions):
        return tasks, tasks, predictions, None

    def get_config(self):
        return {
            "inner_learning_rate": float(self.inner_optimizer.learning_rate),
            "inner_steps": self.inner_steps,
            "num_pulls": self.num_pulls,
            "task_map": self.task_map,
            "seed": self.seed,
            "name": self.name,
        }


@keras.saving.register_keras_serializable("tests")
def reward(arms, policy):
    """The expected reward of a pull: a metric."""
    return tf.reduce_sum(arms * policy, -1)


def surrogate(logits, pulls, rewards):
    """A loss whose gradient is the policy gradient of the mean reward, downwards."""
    advantages = rewards - tf.reduce_mean(rewards)
    return -tf.reduce_mean(tf.gather(tf.nn.log_softmax(logits), pulls) * advantages)


class Arms(episodes.TaskDistribution):
    """One of the first two arms pays nine times in ten, any other arm one time in ten."""

    def sample(self, first_task, num_tasks):
        good = tf.cast(2.0 * self.uniform(first_task, num_tasks, ()), tf.int32)
        return tf.cast(0.1 + 0.8 * tf.one_hot(good, NUM_ARMS), keras.config.floatx())


def compiled(make=Bandits, learning_rate=1.0, **kwargs):
    learner = make(**kwargs)
    learner.compile(keras.optimizers.SGD(learning_rate), metrics=[reward])
    return learner
