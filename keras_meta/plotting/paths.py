"""A figure of paths in the plane before and after adaptation."""

import numpy as np

from keras_meta.plotting.figure import figure


def plot_paths(trajectories, goals):
    """Draws the paths of episodes in which a point moves in the plane, a panel for each task.

    Args:
        trajectories: dict, name to `Trajectories` with a leading axis of tasks, such as those
            before adaptation and those after one update. The first two numbers of an observation
            are the position.
        goals: Array `[tasks, 2]`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If there are no trajectories, or not those of as many tasks as there are goals.

    Example:

    ```python
    import tensorflow as tf
    import keras_meta.plotting
    from keras_meta import environments

    class Greedy:
        noise_size, is_discrete = 0, False

        def sample(self, outputs, noise):
            return outputs

    navigation = environments.Navigation()
    goals = navigation.sample(first_task=0, num_tasks=2)
    seeds = tf.constant([[0, 0], [0, 1]])
    policies = {
        "before adaptation": lambda position: position + 0.1,
        "after adaptation": lambda position: goals[:, None] - position,
    }
    paths = {
        name: environments.rollout(navigation, goals, policy, Greedy(), 1, seeds)
        for name, policy in policies.items()
    }
    keras_meta.plotting.plot_paths(paths, goals)
    ```
    """
    goals = np.asarray(goals)
    tasks = {name: len(episodes.observations) for name, episodes in trajectories.items()}
    if not tasks or set(tasks.values()) != {len(goals)}:
        raise ValueError(
            "`trajectories` must have episodes of one task for each goal. "
            f"Received: numbers of tasks {tasks} for {len(goals)} goals."
        )
    # Grey comes before, colour after: as in the figures of functions.
    colors = ("0.6", "tab:orange", "tab:red", "tab:purple", "tab:brown")
    drawing = figure((4 * len(goals), 4))
    for task, axes in enumerate(drawing.subplots(1, len(goals), squeeze=False)[0]):
        for index, (name, episodes) in enumerate(trajectories.items()):
            for number, path in enumerate(_paths(episodes, task)):
                axes.plot(
                    *path.T,
                    color=colors[index % len(colors)],
                    linewidth=1,
                    label=None if number else name,
                )
        axes.plot(*path[0], "o", color="black", label="start")
        axes.plot(*goals[task], "*", color="tab:green", markersize=12, label="goal")
        axes.set_aspect("equal", adjustable="datalim")
        axes.grid(alpha=0.3)
        axes.set_xlabel("x")
    drawing.axes[0].set_ylabel("y")
    drawing.legend(
        *drawing.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )
    return drawing


def _paths(episodes, task):
    """Yields the positions `[steps + 1, 2]` of each episode of a task, to its end."""
    observations, lasts = episodes.observations[task], episodes.last_observations[task]
    for path, last, mask in zip(observations, lasts, episodes.mask[task], strict=True):
        taken = np.asarray(path)[np.asarray(mask) > 0]
        yield np.concatenate([taken, np.asarray(last)[None]])[:, :2]
