"""Builds the environment and the learner of a run on policies."""

import math

import keras

from keras_meta import environments, learners, networks, policy_gradients
from keras_meta.commands import memory, model_files, splits
from keras_meta.environments.half_cheetah import half_cheetah_direction
from keras_meta.environments.spaces import Discrete

_MAKE = {"navigation": environments.Navigation, "half-cheetah": half_cheetah_direction}
_ACTIVATIONS = {"navigation": "relu", "half-cheetah": "tanh"}
_OUTER_RULES = {
    "trpo": policy_gradients.TRPO,
    "ppo": policy_gradients.PPO,
    "policy-gradient": policy_gradients.PolicyGradient,
}


def load(config, split):
    """Makes the environment of a run, with the tasks of a split.

    Args:
        config: dict, the options of `keras-meta train`.
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        An `Environment`.

    Raises:
        ImportError: If it needs Gymnasium, which is not installed.
    """
    make = _MAKE[config["environment"]]
    return make(seed=splits.split_seed(config, split), horizon=config["horizon"])


def build(config, environment):
    """Makes the compiled learner of a new run.

    Args:
        config: dict, the options of `keras-meta train`.
        environment: The `Environment` to train in.

    Returns:
        A compiled `PolicyGradientMAML`.

    Raises:
        ValueError: If the policy does not fit the environment, or both do not fit into memory.
    """
    policy = _policy(config, environment)
    _check_memory(config, environment, policy)
    learner = learners.PolicyGradientMAML(
        policy,
        environment,
        config["inner_learning_rate"],
        inner_steps=config["inner_steps"],
        eval_inner_steps=config["eval_inner_steps"],
        num_episodes=config["episodes"],
        estimator=config["estimator"],
        outer_rule=_OUTER_RULES[config["outer_rule"]](),
        seed=config["seed"],
    )
    rate = config["outer_learning_rate"]
    # TRPO takes its own steps.
    learner.compile(keras.optimizers.Adam() if rate is None else keras.optimizers.Adam(rate))
    return learner


def _policy(config, environment):
    if config["network"] is not None:
        return _loaded(config["network"], environment)
    keras.utils.set_random_seed(config["seed"])
    activation = _ACTIVATIONS[config["environment"]]
    hidden = [keras.layers.Dense(config["units"], activation) for _ in range(2)]
    outputs = keras.layers.Dense(environment.action_space.size)
    inputs = keras.Input(environment.observation_shape)
    return networks.gaussian_policy(keras.Sequential([inputs, *hidden, outputs]))


def _loaded(path, environment):
    try:
        policy = model_files.load(path, compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            "--network must be a .keras file of a policy that can be loaded. Received: "
            f"{path}: {reason[0]}"
        ) from error
    if tuple(policy.input_shape[1:]) != environment.observation_shape:
        raise ValueError(
            "The policy does not fit the environment, which has observations of shape "
            f"{environment.observation_shape}. Received: --network {path} with input "
            f"{tuple(policy.input_shape[1:])}."
        )
    return policy


def _check_memory(config, environment, policy):
    """Raises if the episodes of a batch, which are kept until the outer step, do not fit."""
    space = environment.action_space
    numbers = math.prod(environment.observation_shape) + math.prod(policy.output_shape[1:])
    numbers += 1 if isinstance(space, Discrete) else space.size
    steps = config["batch_size"] * config["episodes"] * config["horizon"]
    stages = config["inner_steps"] + 1
    memory.check_fits(
        4 * steps * stages * numbers,
        f"{config['batch_size']:,} tasks of {config['episodes']:,} episodes of "
        f"{config['horizon']:,} steps, {stages} times",
        "Choose smaller values of --batch-size, --episodes, --horizon or --inner-steps.",
    )
