"""The options of `keras-meta train` for policies: which there are, and their defaults."""

ENVIRONMENTS = ("navigation", "half-cheetah")
OUTER_RULES = ("trpo", "ppo", "policy-gradient")
ESTIMATORS = ("log_likelihood", "e_maml", "low_variance_curvature", "dice", "loaded_dice")
# Options of policies alone; the others below are those of all learners.
OWN = ("environment", "episodes", "horizon", "units", "outer_rule", "estimator")
# The setting of section 5.3 of the MAML paper, with fewer iterations.
_DEFAULTS = {
    "environment": None,
    "network": None,
    "units": 100,
    "episodes": 20,
    "horizon": 100,
    "inner_steps": 1,
    "eval_inner_steps": 3,
    "inner_learning_rate": 0.1,
    "outer_rule": "trpo",
    "estimator": "log_likelihood",
    "outer_learning_rate": 1e-3,
    "batch_size": 20,
    "iterations": 100,
    "epoch_iterations": 10,
    "checkpoint_iterations": 10,
    "validation_tasks": 20,
    "seed": 0,
}


def config(options, given):
    """Returns the options of a run on an environment, as `config.json` holds them.

    Args:
        options: The parsed arguments of `keras-meta train`.
        given: Names of the options that the user gave.

    Raises:
        ValueError: If an option is given that policies, or the outer rule, do not take.
    """
    foreign = [name for name in given if name not in _DEFAULTS]
    if foreign:
        raise ValueError(
            f"`train {options.environment}` learns a policy, for which there is no "
            f"{_listed(foreign)}. Leave it out. Received: {_received(options, foreign)}."
        )
    if "network" in given and "units" in given:
        raise ValueError(
            "--units is the size of the policy that is made if --network does not name one. Leave "
            f"one of them out. Received: {_received(options, ['network', 'units'])}."
        )
    filled = {
        name: default if getattr(options, name) is None else getattr(options, name)
        for name, default in _DEFAULTS.items()
    }
    if filled["network"] is not None:
        filled["units"] = None
    if filled["outer_rule"] != "trpo":
        return filled
    if "outer_learning_rate" in given:
        raise ValueError(
            "--outer-rule trpo takes steps as long as its limit of divergence allows, without a "
            "learning rate. Leave --outer-learning-rate out, or choose another --outer-rule. "
            f"Received: {_received(options, ['outer_learning_rate'])}."
        )
    return {**filled, "outer_learning_rate": None}


def check_absent(options, given):
    """Raises if options of policies are given without an environment.

    Args:
        options: The parsed arguments of `keras-meta train`.
        given: Names of the options that the user gave.

    Raises:
        ValueError: If there are any.
    """
    foreign = [name for name in given if name in OWN]
    if foreign:
        raise ValueError(
            f"{_listed(foreign)} is for policies. Leave it out, or train in an environment, such "
            f"as `keras-meta train {ENVIRONMENTS[0]}`. Received: {_received(options, foreign)}."
        )


def _listed(names):
    return ", ".join(_option(name) for name in names)


def _received(options, names):
    return " ".join(f"{_option(name)} {getattr(options, name)}" for name in names)


def _option(name):
    return f"--{name.replace('_', '-')}"
