"""Makes Gymnasium environments and tells them their task."""

import functools

import numpy as np


def maker(env, kwargs):
    """Returns a callable of keyword arguments that makes an environment, and which pickles.

    Args:
        env: str, an environment's id; or a callable of keyword arguments that returns a
            `gymnasium.Env`.
        kwargs: Dict of keyword arguments of all environments.
    """
    gymnasium = _gymnasium()
    if callable(env):
        return functools.partial(env, **kwargs)
    # A worker does not know what this process has registered, so it gets the specification. The
    # limit of time is the horizon.
    unlimited = {"max_episode_steps": -1, "disable_env_checker": True}
    return functools.partial(gymnasium.make, gymnasium.spec(env), **unlimited, **kwargs)


def vector_maker(env, horizon, kwargs, task_setter):
    """Returns a callable of `num_envs` and keyword arguments that makes a vector environment.

    Raises:
        ValueError: If the environment has no vector form of its own, or is told its task.
    """
    if task_setter is not None:
        raise ValueError(
            "`vectorized=True` makes environments by keyword arguments and takes no "
            f"`task_setter`. Received: task_setter={task_setter}"
        )
    gymnasium = _gymnasium()
    spec = None if callable(env) else gymnasium.spec(env)
    if spec is None or spec.vector_entry_point is None:
        raise ValueError(
            "`vectorized=True` needs the id of an environment that is registered with a "
            f"`vector_entry_point`, such as 'CartPole-v1'. Received: env={env}"
        )
    if spec.max_episode_steps is not None:
        kwargs = {"max_episode_steps": horizon + 1, **kwargs}
    mode = gymnasium.VectorizeMode.VECTOR_ENTRY_POINT
    return functools.partial(gymnasium.make_vec, spec, vectorization_mode=mode, **kwargs)


def make_first(make, parameters):
    """Makes an environment in this process, to learn its spaces.

    Raises:
        ImportError: If a package that it needs is not installed.
    """
    gymnasium = _gymnasium()
    try:
        return make(**parameters)
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        raise ImportError(
            f"The environment needs a package that is not installed. Received: {error}. "
            "Gymnasium and MuJoCo are installed by `pip install keras-meta[rl]`."
        ) from error


def setter(task_setter):
    """Returns a callable of an environment and the parameters of its task, or `None`.

    Args:
        task_setter: `None`, such a callable, or the name of a method of the environment.
    """
    if task_setter is None or callable(task_setter):
        return task_setter
    return functools.partial(_call_method, task_setter)


def plain(value):
    """A parameter as an environment takes it: a Python number or string, or an array."""
    value = np.asarray(value)
    if value.ndim:
        return value
    value = value.item()
    return value.decode() if isinstance(value, bytes) else value


def _call_method(name, env, task):
    # The method may be a wrapper's or the innermost environment's.
    env.get_wrapper_attr(name)(task)


def _gymnasium():
    try:
        import gymnasium
    except ImportError as error:
        raise ImportError(
            "Gymnasium is not installed. Install it with `pip install keras-meta[rl]`."
        ) from error
    return gymnasium
