"""meta-train a learner and keep it in a run folder

A run may be stopped or killed at any time. To go on from there, to the same weights in the end,
repeat the command or use `train --resume --out RUN`. With more --iterations, it trains further.

Classes: DATA is `glyphs` (drawn characters), a folder with one folder of images per class, an .npz
file with arrays x and y, a .csv file with columns of texts and labels, or `tfds:NAME` (a data set
of TensorFlow Datasets, with the extra `datasets`). Of the classes, 64 % are for training, 16 % for
validation and 20 % for test; validation and test get more if their tasks need more. To divide the
classes yourself, add an array or a column `split` with the values train, validation and test, or
use --group. Learners with open ways can learn tasks of any number of classes: they fit a head in
one pass, like ridge and prototypes. They may train on more ways than they are validated on:
--ways 20 --validation-ways 5.

Values: DATA is `sinusoid`, or with --task and --y a .csv or .parquet table of numbers and
categories, whose rows belong to tasks:
`keras-meta train --data growth.csv --task child --x age,sex --y height --out RUN`.

Languages: DATA is `languages` (invented), or a folder of .txt files, one for each language, author
or style. A model of text learns to write in a language after a few passages of it: see
`keras-meta write`.

Policies: name an ENVIRONMENT instead of DATA, as in `keras-meta train navigation --out RUN`. Policy
gradient MAML learns a policy, and the run ends with its returns in unseen tasks. half-cheetah needs
the extra `rl`.
"""

import math
from pathlib import Path

from keras_meta.commands import (
    data_kinds,
    policy_options,
    progress,
    tensorflow_start,
    train_defaults,
)
from keras_meta.commands.run_folder import RunFolder
from keras_meta.commands.train_arguments import add_arguments as add_arguments

# Options that may change between the start of a run and its continuation.
_FREE = ("iterations", "checkpoint_iterations")
# Arguments that are not options of the run.
_NOT_OF_THE_RUN = ("run", "out", "resume", "default_of", "tensorflow_threads", "traceback")


def run(options):
    """Trains, from the start or from the last checkpoint."""
    folder = RunFolder(options.out)
    if options.resume:
        _take_options(options, folder.read_config())
    if options.data is None and options.environment is None:
        raise ValueError(
            "--data is missing: a new run needs it or an ENVIRONMENT, and --resume takes it from "
            "the run. Received: neither --data nor --resume."
        )
    config = _config(options)
    if folder.config_file.exists():
        config = _merged(folder, config)
    tensorflow_start.start(options)
    if "environment" in config:
        _train_policy(folder, config)
    else:
        _train_learner(folder, config)
    print(f"The run is in {folder.path}. Next: keras-meta evaluate {folder.path}")


def _train_learner(folder, config):
    from keras_meta.commands import (
        class_tasks,
        data,
        language_data,
        learner_building,
        splits,
        table_data,
        table_intervals,
        text_data,
        transduction,
    )

    distribution = data.load(config)
    # The test tasks are for `evaluate`, but a user wants to know before hours of training whether
    # there can be any.
    parts = {split: distribution(split) for split in splits.SPLITS}
    train, validation = parts["train"], parts["validation"]
    classes = hasattr(train, "num_ways")
    if classes:
        class_tasks.note_fewer_ways(config, parts)
    learner = learner_building.build(config, train)
    if data_kinds.is_text(config):
        print(text_data.description(config, train, validation))
    elif classes:
        print(class_tasks.description(parts))
    if classes:
        print(transduction.description(learner, config))
    if data_kinds.is_table(config):
        print(table_data.description(config, train, validation))
    if data_kinds.is_languages(config):
        print(language_data.description(config, train, validation))
    folder.write_json(folder.config_file, config)
    trained = _fit(learner, train, validation, folder, config)
    if data_kinds.is_table(config) and (trained or not folder.intervals_file.is_file()):
        table_intervals.calibrate(folder, config, validation)


def _train_policy(folder, config):
    from keras_meta.commands import policy_building, policy_report

    train, validation = (policy_building.load(config, split) for split in ("train", "validation"))
    learner = policy_building.build(config, train)
    folder.write_json(folder.config_file, config)
    _fit(learner, train, validation, folder, config)
    policy_report.report(folder, config)


def _take_options(options, config):
    """Fills in the options that were not given with those of the run."""
    for key, value in config.items():
        if hasattr(options, key) and getattr(options, key) == options.default_of(key):
            setattr(options, key, value)


def _config(options):
    """The options as `config.json` holds them, with defaults that depend on others filled in."""
    config = {key: value for key, value in vars(options).items() if key not in _NOT_OF_THE_RUN}
    given = [key for key, value in config.items() if value != options.default_of(key)]
    if options.environment is not None:
        return _with_absolute_paths(policy_options.config(options, given))
    policy_options.check_absent(options, given)
    config = {key: value for key, value in config.items() if key not in policy_options.OWN}
    config = train_defaults.filled(options, config)
    if config["eval_inner_steps"] is None:
        config["eval_inner_steps"] = config["inner_steps"]
    return _with_absolute_paths(config)


def _with_absolute_paths(config):
    """So that other commands find the data whatever folder they are started in."""
    for key in ("data", "network", "tfds_folder"):
        if config.get(key) is not None and Path(config[key]).exists():
            config[key] = str(Path(config[key]).resolve())
    return config


def _merged(folder, config):
    """The configuration of a resumed run, whose options must be those that it started with."""
    stored = folder.read_config()
    differing = [
        f"--{key.replace('_', '-')} {stored.get(key)} (now {value})"
        for key, value in config.items()
        if key not in _FREE and stored.get(key) != value
    ]
    if differing:
        raise ValueError(
            f"The run folder holds a run with other options. Received: {folder.path}, trained with "
            f"{', '.join(differing)}. Repeat those options to resume it, or choose another --out."
        )
    return {**stored, **config}


def _fit(learner, train, validation, folder, config):
    """Trains, and returns whether there was anything left to train."""
    import keras

    from keras_meta.callbacks import ExactResume
    from keras_meta.commands import training_phases

    steps = config["epoch_iterations"]
    epochs = math.ceil(config["iterations"] / steps)
    resume = ExactResume(folder.checkpoint_folder, config["checkpoint_iterations"])
    if resume.epoch >= epochs:
        print(
            f"The run has already done {resume.step} iterations, of --iterations {epochs * steps}."
        )
        return False
    if resume.step:
        print(f"Resuming after iteration {resume.step}.")
    elif folder.learner_file.exists():
        raise ValueError(
            "The run has no checkpoint to resume from. "
            f"Received: {folder.path}, with learner.keras and without {folder.checkpoint_folder}. "
            "Choose another --out."
        )
    rows = folder.read_history(resume.step)
    # Few classes, groups or languages are learned by heart before the end.
    languages = data_kinds.is_languages(config)
    stops = not languages and not data_kinds.is_endless(config)
    keeps_best = stops or languages
    # The last checkpoint may be older than the validation that ended the run.
    if stops and _is_over(folder.read_history(epochs * steps), epochs):
        print(f"The run is over: its last {_patience(epochs)} validations brought nothing.")
        return False

    class SaveEpoch(keras.callbacks.Callback):
        def __init__(self, phase):
            super().__init__()
            self.phase = phase

        def on_epoch_end(self, epoch, logs=None):
            # Before the checkpoint of this epoch: resuming cuts off surplus rows.
            rows.append({"iterations": (epoch + 1) * steps, **(logs or {})})
            folder.write_history(rows)
            losses = [float(row["val_loss"]) for row in rows[self.phase.first_epoch :]]
            best = losses.index(min(losses))
            if not keeps_best or best == len(losses) - 1:
                self.phase.save(self.model)
            if stops and _is_over(rows, epochs):
                print(
                    f"\nStopped after iteration {rows[-1]['iterations']}: {_patience(epochs)} "
                    "validations have brought nothing. The learner of iteration "
                    f"{rows[best]['iterations']} is kept."
                )
                self.model.stop_training = True

    tasks = config["validation_tasks"]
    batch_size = max(size for size in range(1, min(tasks, 50) + 1) if tasks % size == 0)
    for phase in training_phases.phases(learner, folder, config):
        if resume.epoch < phase.epochs:
            learner.fit(
                train.as_dataset(config["batch_size"], start=resume.step),
                steps_per_epoch=steps,
                initial_epoch=resume.epoch,
                epochs=phase.epochs,
                shuffle=False,
                validation_data=validation.as_dataset(batch_size, num_batches=tasks // batch_size),
                verbose=progress.verbosity(),
                callbacks=[resume, SaveEpoch(phase), *_schedules(config, epochs * steps)],
            )
            # The next phase goes on from the checkpoint at the end of this one.
            resume = ExactResume(folder.checkpoint_folder, config["checkpoint_iterations"])
    return True


def _patience(epochs):
    """How many validations may bring nothing: a quarter of the run, and no fewer than five."""
    return max(5, epochs // 4)


def _is_over(rows, epochs):
    """Whether the loss in validation has not been as low as it was for too long."""
    losses = [float(row["val_loss"]) for row in rows]
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= _patience(epochs)


def _schedules(config, iterations):
    """Callbacks that change how a network is trained in the course of a run."""
    from keras_meta.callbacks import DropBlockSchedule

    # As published: at first no blocks are dropped.
    return [DropBlockSchedule(max(1, iterations // 2))] if config["network"] == "resnet12" else []
