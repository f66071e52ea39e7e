"""Environment steps a second: environments as tasks, beside Gymnasium's vector environments.

    python benchmarks/environments.py --json results.json

A batch of tasks, a number of episodes in each, all stepped together by actions drawn at random.
"""

import argparse
import functools
import json
import os
import pathlib
import platform
import time

import gymnasium
import numpy as np
import tensorflow as tf

from keras_meta import environments


class UniformActions:
    """A distribution of actions that ignores the policy."""

    def __init__(self, space):
        self.is_discrete = isinstance(space, environments.Discrete)
        self.noise_size = 1 if self.is_discrete else space.size
        self._space = space

    def sample(self, outputs, noise):
        if self.is_discrete:
            return tf.cast(noise[..., 0] * self._space.num_actions, tf.int32)
        return 2 * noise - 1


def steps_of_rollouts(make, num_tasks, num_episodes, repeats):
    """Returns the seconds until the first rollout is done and the steps a second of the others."""
    start = time.perf_counter()
    environment = make()
    tasks = environment.sample(0, num_tasks)
    distribution = UniformActions(environment.action_space)

    @tf.function
    def act(seeds):
        return environments.rollout(
            environment, tasks, tf.identity, distribution, num_episodes, seeds
        )

    seeds = tf.stack([tf.range(num_tasks), tf.zeros(num_tasks, tf.int32)], 1)
    act(seeds)
    first = time.perf_counter() - start
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        steps = tf.reduce_sum(act(seeds).mask).numpy()
        rates.append(steps / (time.perf_counter() - start))
    if hasattr(environment, "close"):
        environment.close()
    return first, float(np.median(rates))


def steps_of_vector_environment(make, num_steps, repeats):
    """The same for a vector environment of Gymnasium, stepped by a loop in Python."""
    start = time.perf_counter()
    environment = make()
    environment.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, environment.action_space.shape)
    actions = actions.astype(np.float32)
    environment.step(actions)
    first = time.perf_counter() - start
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(num_steps):
            environment.step(actions)
        rates.append(num_steps * environment.num_envs / (time.perf_counter() - start))
    environment.close()
    return first, float(np.median(rates))


def measurements(num_tasks, num_episodes, horizon, repeats):
    """Yields rows of a name and a function that measures."""
    cheetah = environments.half_cheetah_direction
    rollouts = functools.partial(
        steps_of_rollouts, num_tasks=num_tasks, num_episodes=num_episodes, repeats=repeats
    )
    vector = functools.partial(steps_of_vector_environment, num_steps=horizon, repeats=repeats)
    make = functools.partial(gymnasium.make, "HalfCheetah-v5", disable_env_checker=True)
    size = num_tasks * num_episodes

    def cores():
        return cheetah(horizon=horizon)

    def in_process():
        return cheetah(horizon=horizon, num_workers=0)

    def cart_pole(**kwargs):
        return environments.GymnasiumEnvironment("CartPole-v1", {}, horizon, **kwargs)

    def in_graph(make):
        return functools.partial(rollouts, functools.partial(make, horizon=horizon))

    yield "navigation, in the graph", in_graph(environments.Navigation)
    yield "cart-pole, in the graph", in_graph(environments.CartPole)
    vectorized = functools.partial(cart_pole, vectorized=True)
    yield f"cart-pole, {os.cpu_count()} workers", functools.partial(rollouts, cart_pole)
    yield "cart-pole, its vector form", functools.partial(rollouts, vectorized)
    yield f"half-cheetah, {os.cpu_count()} workers", functools.partial(rollouts, cores)
    yield "half-cheetah, in this process", functools.partial(rollouts, in_process)
    for name, kind, count in (
        ("SyncVectorEnv", gymnasium.vector.SyncVectorEnv, size),
        ("AsyncVectorEnv", gymnasium.vector.AsyncVectorEnv, os.cpu_count()),
    ):
        yield (
            f"Gymnasium's {name} of {count}",
            functools.partial(vector, functools.partial(kind, [make] * count)),
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--horizon", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file")
    arguments = parser.parse_args()

    rows = []
    print(f"{'':38}{'first use (s)':>14}{'steps a second':>16}")
    for name, measure in measurements(
        arguments.tasks, arguments.episodes, arguments.horizon, arguments.repeats
    ):
        first, rate = measure()
        rows.append({"name": name, "first_use_seconds": first, "steps_per_second": rate})
        print(f"{name:38}{first:14.1f}{rate:16,.0f}", flush=True)
    if arguments.json:
        results = {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "gymnasium": gymnasium.__version__,
            "tasks": arguments.tasks,
            "episodes": arguments.episodes,
            "horizon": arguments.horizon,
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
