"""The stages of the benchmark: training, and measuring learners and baselines."""

import json
import time

import keras
import methods
import numpy as np
import tensorflow as tf

import keras_meta
from keras_meta import baselines, metrics, networks

SHOWN = ("LATIN", "CYRILLIC", "DEVANAGARI")  # scripts of the samples


def fit(model, data, steps, folder, arguments):
    """Trains a model, from where it was stopped; returns hours.

    Args:
        model: A compiled model.
        data: Callable, number of batches to skip to a dataset.
        steps: int.
        folder: Path of the folder of checkpoints.
        arguments: Namespace of the command's options.
    """
    folder.mkdir(parents=True, exist_ok=True)
    epoch = min(arguments.epoch, steps)
    resume = keras_meta.callbacks.ExactResume(folder, save_every=epoch)
    clock, started = folder / "seconds", time.time()
    before = float(clock.read_text()) if clock.exists() else 0.0

    def write_clock(epoch, logs):
        clock.write_text(str(before + time.time() - started))

    model.fit(
        data(resume.step),
        steps_per_epoch=epoch,
        initial_epoch=resume.epoch,
        epochs=steps // epoch,
        callbacks=[
            resume,
            keras.callbacks.LambdaCallback(on_epoch_end=write_clock),
            keras.callbacks.CSVLogger(str(folder / "log.csv"), append=True),
        ],
        verbose=2,
    )
    return round(float(clock.read_text()) / 3600, 4)


def untrained(tasks, arguments):
    """Returns the model before any training."""
    keras.utils.set_random_seed(arguments.seed)
    return methods.MODELS[arguments.model](tasks.codec.size, arguments.width)


def pooled(tasks, folder, arguments):
    """Returns the model of all training languages, and the hours that it took to train."""
    model = untrained(tasks, arguments)
    decay = keras.optimizers.schedules.CosineDecay(2e-3, arguments.pooled_steps)
    model.compile(keras.optimizers.Adam(decay, global_clipnorm=1.0), methods.LOSS)
    model.optimizer.build(model.trainable_variables)  # or a checkpoint would not fit

    def data(start):
        return tasks.windows(arguments.tasks, start)

    return model, fit(model, data, arguments.pooled_steps, folder / "pooled", arguments)


def learn(name, model, tasks, folder, arguments):
    """Meta-trains a learner from the pooled weights; returns it and the hours that it took."""
    keras.utils.set_random_seed(arguments.seed)
    learner = methods.LEARNERS[name](model)
    optimizer = methods.outer_optimizer(name, arguments.rate, arguments.iterations)
    learner.compile(optimizer, methods.LOSS)

    def data(start):
        return tasks.train(arguments.tasks, start)

    place = folder / name.replace(" ", "_")
    return learner, fit(learner, data, arguments.iterations, place, arguments)


def measure_learner(name, model, tasks, folder, arguments):
    """The stage of a learner: training, bits before and after, mixtures, times, samples."""
    learner, hours = learn(name, model, tasks, folder, arguments)
    found = {"hours": hours, "bits": {}, "bits_before": {}, "with_ngrams": {}}
    for lines in arguments.lines:
        before, after = _before_and_after(learner, tasks, tasks.held_out("test", lines))
        validation = _before_and_after(learner, tasks, tasks.held_out("validation", lines))[1]
        found["bits"][str(lines)] = {
            "bits": after.round(4).tolist(),
            "on_validation": round(float(validation.mean()), 4),
        }
        found["bits_before"][str(lines)] = before.round(4).tolist()
        mixture = methods.mixed_with_ngrams(baselines.OfLearner(learner), tasks.codec.size)
        found["with_ngrams"][str(lines)] = choose_and_measure([mixture], lines, tasks)
        print(name, lines, "lines:", before.mean(), "bits before,", after.mean(), flush=True)
    inputs = next(iter(tasks.held_out("test", arguments.train_lines)))[0]
    found["adaptation_seconds"] = _adaptation_seconds(learner, inputs)
    found["samples"] = _samples(learner, model, tasks, inputs, arguments)
    return found


def _before_and_after(learner, tasks, data):
    """Bits of each language at the initial weights, and after adapting."""
    if learner.inner_weights.adapted:
        curve = metrics.adaptation_curve(learner, data, tasks.metric).values
        return tasks.by_language(curve)[:, [0, -1]].T
    values = tasks.by_language(metrics.task_values(learner, data, tasks.metric))
    return values, values


def _adaptation_seconds(learner, inputs, repeats=5):
    """The median time to adapt to one language."""
    adapt = learner.traced("timed", learner.adapt_task)
    times = []
    for task in range(repeats + 1):
        support = [inputs[key][task % len(inputs[key])] for key in ("support_x", "support_y")]
        started = time.perf_counter()
        tf.nest.flatten(adapt(*support))[0].numpy()
        times.append(time.perf_counter() - started)
    return round(float(np.median(times[1:])), 4)  # the first one traces


def _samples(learner, model, tasks, inputs, arguments):
    """Text of the pooled and of the adapted model, in a language of each of some scripts."""
    names, found = tasks.parts["test"], {}
    for script in SHOWN:
        of_script = [name for name in names if tasks.languages[name].script == script]
        for name in of_script[:1]:
            support = [inputs[key][names.index(name)] for key in ("support_x", "support_y")]
            found[name] = {"line": tasks.codec.decode(support[0][0])}
            for key, drawn in (("before", model), ("after", learner.adapt(*support))):
                (found[name][key],) = networks.draw_text(
                    drawn, tasks.codec, " ", 120, arguments.temperature, context=arguments.length
                )
            print(json.dumps({name: found[name]}, indent=2, ensure_ascii=False), flush=True)
    return found


def choose_and_measure(some, lines, tasks):
    """Chooses a baseline and its setting on validation languages; its bits on test languages."""
    validation, test = (tasks.held_out(part, lines) for part in ("validation", "test"))
    chosen, position = baselines.choose(some, validation, tasks.metric, methods.LOSS)
    values = chosen.task_values(test, tasks.metric, methods.LOSS)[:, position]
    return {
        "bits": tasks.by_language(values).round(4).tolist(),
        "setting": chosen.settings[position],
    }


def measure_baseline(name, model, tasks, arguments):
    """The stage of a baseline, for each number of lines."""
    mixes = name in ("pooled", "fine-tuned")
    return _measured(
        name, methods.candidates(model, tasks.codec.size)[name], mixes, tasks, arguments
    )


def measure_dynamic(name, model, tasks, folder, arguments):
    """The stage of a learner whose weights go on learning from what they have predicted."""
    if name != "pooled":
        model = learn(name, model, tasks, folder, arguments)[0].model
    return _measured(f"{name}, dynamic", methods.dynamic(model), True, tasks, arguments)


def _measured(name, some, mixes, tasks, arguments):
    """Bits of the best of some methods for each number of lines, also in a mixture."""
    found = {"bits": {}}
    for lines in arguments.lines:
        measured = choose_and_measure(some, lines, tasks)
        found["bits"][str(lines)], setting = measured, measured["setting"]
        print(name, lines, "lines:", np.mean(measured["bits"]), setting, flush=True)
        if mixes:
            (best,) = [method for method in some if setting in method.settings]
            mixture = methods.mixed_with_ngrams(best, tasks.codec.size)
            found.setdefault("with_ngrams", {})[str(lines)] = choose_and_measure(
                [mixture], lines, tasks
            )
    return found


def step_seconds(name, model, tasks, arguments):
    """Seconds of a meta-step of a learner, by which to plan a run."""
    learner = methods.LEARNERS[name](model)
    learner.compile(methods.outer_optimizer(name, arguments.rate, 10), methods.LOSS)
    data = tf.data.Dataset.from_tensors(next(iter(tasks.train(arguments.tasks)))).repeat()
    times = []
    for steps in (1, 5):  # the first traces
        started = time.time(), time.process_time()
        learner.fit(data, steps_per_epoch=steps, verbose=0)
        ended = time.time(), time.process_time()
        times.append([(b - a) / steps for a, b in zip(started, ended, strict=True)])
    found = {
        "seconds": round(times[1][0], 3),
        "seconds_of_all_cores": round(times[1][1], 3),
        "seconds_of_the_first": round(times[0][0], 1),
    }
    print(name, found, flush=True)
    return found
