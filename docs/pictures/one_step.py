"""Draws a sinusoid that is learned in one gradient step, as an animation and as a still picture.

    python docs/pictures/one_step.py

Trains `MetaSGD` for about a minute on random sinusoids. Then it shows, for sinusoids that are new,
the network before the step, on the way, and after it: at weights `w - t a g` for `t` from 0 to 1,
with the gradient `g` of the loss at the points shown and the learned rates `a`.
"""

import argparse
import pathlib

import keras
import numpy as np
import PIL.Image

import keras_meta
import keras_meta.plotting

FOLDER = pathlib.Path(__file__).parent
INK, GREY, BLUE, ORANGE = "#1f2430", "#9aa3b2", "#3f6fd8", "#e8743b"


def trained(iterations):
    """Returns a learner of sinusoids that takes one inner step."""
    learner = keras_meta.learners.MetaSGD(
        keras_meta.networks.SinusoidMLP((64, 64)), inner_learning_rate=0.01, inner_steps=1
    )
    rate = keras.optimizers.schedules.CosineDecay(2e-3, iterations)
    learner.compile(keras.optimizers.Adam(rate), "mse", steps_per_execution=50)
    tasks = keras_meta.episodes.Sinusoid(num_shots=10, num_queries=20)
    learner.fit(tasks.as_dataset(batch_size=25), steps_per_epoch=iterations, verbose=2)
    return learner


def path(learner, inputs, grid, parts):
    """Returns predictions `[parts, grid]` along the step that a task takes.

    Args:
        learner: A learner that takes one inner step.
        inputs: Episode batch of one task.
        grid: Array `[grid, 1]` of places to predict at.
        parts: Sequence of floats, the part `t` of the step.
    """
    model = keras.models.clone_model(learner.model)
    before = learner.model.get_weights()
    after = learner.adapt(inputs["support_x"][0], inputs["support_y"][0]).get_weights()
    found = []
    for part in parts:
        weights = [v + part * (w - v) for v, w in zip(before, after, strict=True)]
        model.set_weights(weights)
        found.append(model(grid)[:, 0].numpy())
    return np.stack(found)


def panel(axes, title, grid, inputs, wave, curve, first, shown=None):
    """Draws one moment of one task."""
    axes.plot(
        grid, wave, color=GREY, linewidth=1.5, linestyle=(0, (4, 3)), label="the new function"
    )
    axes.plot(grid, first, color=BLUE, linewidth=1.2, alpha=0.35)
    axes.plot(grid, curve, color=BLUE, linewidth=2.6, label="the network")
    x, y = np.asarray(inputs["support_x"])[0, :shown, 0], np.asarray(inputs["support_y"])[0, :shown]
    axes.plot(x, y, "o", color=ORANGE, markersize=7, label="all that it sees")
    axes.set(xlim=(-5, 5), ylim=(-5.5, 5.5), xticks=[], yticks=[])
    axes.set_title(title, loc="left", color=INK, fontsize=13)
    for side in axes.spines.values():
        side.set_visible(False)


def image(figure):
    """Returns a figure as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def tasks_and_waves(count):
    """Yields episodes of clearly different sinusoids, and their values on a grid."""
    grid = np.linspace(-5, 5, 200, dtype="float32")[:, None]
    shapes = [(4.2, 0.6), (2.4, 2.6), (3.4, 1.7)][:count]
    for amplitude, phase in shapes:
        tasks = keras_meta.episodes.Sinusoid(
            num_shots=10, amplitude=(amplitude,) * 2, phase=(phase,) * 2, seed=3
        )
        inputs, _ = tasks.sample(0, 1)
        yield inputs, grid, amplitude * np.sin(grid[:, 0] - phase)


def draw(learner, folder=FOLDER):
    """Writes `one_step.gif` and `one_step.png`."""
    figure = keras_meta.plotting.figure
    frames, durations, shown_last = [], [], []

    def frame(duration, *args, **kwargs):
        drawing = figure((6.4, 3.6))
        drawing.set_dpi(100)
        axes = drawing.subplots()
        panel(axes, *args, **kwargs)
        axes.legend(loc="lower right", frameon=False, ncols=3, fontsize=9)
        frames.append(image(drawing).quantize(48))
        durations.append(duration)

    ease = (1 - np.cos(np.linspace(0, np.pi, 13))) / 2
    for inputs, grid, wave in tasks_and_waves(3):
        curves = path(learner, inputs, grid, ease)
        for points in range(0, 11, 2):
            frame(
                160, "Ten examples of a new task", grid, inputs, wave, curves[0], curves[0], points
            )
        for curve in curves:
            frame(60, "One gradient step", grid, inputs, wave, curve, curves[0])
        frame(1800, "Learned", grid, inputs, wave, curves[-1], curves[0])
        shown_last.append((inputs, grid, wave, curves))
    frames[0].save(
        folder / "one_step.gif", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    drawing = figure((9.6, 3.0))
    for axes, (inputs, grid, wave, curves) in zip(drawing.subplots(1, 3), shown_last, strict=True):
        panel(axes, "", grid, inputs, wave, curves[-1], curves[0])
    drawing.legend(
        *drawing.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )
    drawing.savefig(folder / "one_step.png", dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--iterations", type=int, default=8000)
    options = parser.parse_args()
    keras_meta.config.one_task_per_core()
    draw(trained(options.iterations))


if __name__ == "__main__":
    main()
