"""Exports a learner of policies as a SavedModel with named endpoints."""

import keras
import tensorflow as tf

from keras_meta.environments.spaces import Discrete
from keras_meta.environments.trajectories import Trajectories
from keras_meta.policy_gradients import acting
from keras_meta.serving.exporting import flat, state_names, write


def export(learner, filepath, verbose=True):
    """Writes a SavedModel that acts and learns tasks without Keras and this library.

    Its endpoints:

    *   `adapt`: `observations`, `actions`, `rewards`, `mask`, `terminated` and `last_observations`
        of episodes of one task, as in `environments.Trajectories`, and the weights that acted, to
        the weights of the task after one inner step, the first of an inner optimizer, as named
        tensors;
    *   `initial`: the weights before the first inner step;
    *   `act`: weights and `observations` `[n, ...]` to `outputs`, the parameters of the
        distribution of actions, and the most likely `actions`.

    Args:
        learner: A `PolicyGradientMAML`.
        filepath: Folder to write.
        verbose: bool. Whether to print the endpoints.
    """
    floatx = keras.config.floatx()
    observation, space = learner.environment.observation_shape, learner.environment.action_space
    discrete = isinstance(space, Discrete)
    start = learner.inner_problem([]).start()
    weights = {"weights": [tf.TensorSpec(x.shape, x.dtype) for x in start.weights]}
    episodes = {
        "observations": tf.TensorSpec([None, None, *observation], floatx),
        "actions": tf.TensorSpec(
            [None, None] if discrete else [None, None, space.size], "int32" if discrete else floatx
        ),
        "rewards": tf.TensorSpec([None, None], floatx),
        "mask": tf.TensorSpec([None, None], floatx),
        "terminated": tf.TensorSpec([None], floatx),
        "last_observations": tf.TensorSpec([None, *observation], floatx),
    }

    def adapt(inputs):
        given = [weight[None] for weight in inputs["weights"]]
        state = acting.start(learner, 1)._replace(weights=given)
        trajectories = Trajectories(**inputs["episodes"], outputs=None)
        state = acting.learn_from(learner, state, trajectories, step=0)
        return {"weights": [weight[0] for weight in state.weights]}

    def initial(inputs):
        del inputs
        return {"weights": learner.inner_problem([]).start().weights}

    def act(inputs):
        problem = learner.inner_problem([])
        every = problem.weights_at(inputs["weights"], 0)
        outputs = learner.outputs(every, inputs["observations"])
        return {"outputs": outputs, "actions": learner.distribution.mode(outputs)}

    names = state_names(learner, weights)
    names |= {f"episodes_{name}": name for name in episodes}
    seen = tf.TensorSpec([None, *observation], floatx)
    endpoints = {
        "initial": flat(initial, {}, names),
        "adapt": flat(adapt, {**weights, "episodes": episodes}, names),
        "act": flat(act, {**weights, "observations": seen}, names),
    }
    write(learner, filepath, endpoints, "act", verbose)
