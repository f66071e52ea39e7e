"""meta-trains a learner and keeps it in a run folder

A run that was stopped or killed at any time goes on where it was, to the same weights, by the same
command or by `train --resume --out RUN`; with more --iterations it goes on further.
DATA is `sinusoid`, `glyphs` (drawn characters), a folder with one folder of images per class, an
.npz file with arrays x and y, or `tfds:NAME`. Classes are divided into 64 % for training, 16 % for
validation and 20 % for test; an array `split` in the .npz says otherwise.
"""

import math
from pathlib import Path

from keras_meta.commands.argument_types import integer, rate
from keras_meta.commands.run_folder import RunFolder

# What may change between the start of a run and its continuation.
_FREE = ("iterations", "checkpoint_iterations")
# What is not an option of the run.
_NOT_OF_THE_RUN = ("run", "out", "resume", "default_of", "tensorflow_threads", "traceback")

# Known without TensorFlow, whose start would delay `--help`.
GRADIENT = (
    "maml fomaml anil boil meta-sgd meta-curvature maml++ reptile imaml protomaml generator"
).split()
ONE_PASS = ("prototypes", "matching", "relation", "ridge", "logistic", "svm")


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("--data")
    parser.add_argument("--out", required=True, metavar="RUN", help="the run folder")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in RUN, with the options it has"
    )
    parser.set_defaults(default_of=parser.get_default)
    tasks = parser.add_argument_group("tasks")
    tasks.add_argument("--ways", type=integer(2), default=5, help="classes in a task")
    tasks.add_argument("--shots", type=integer(1), help="support examples a class (1; waves: 10)")
    tasks.add_argument("--queries", type=integer(1), help="query examples a class (5; waves: 10)")
    tasks.add_argument("--rotations", action="store_true", help="rotated classes are new classes")
    learner = parser.add_argument_group("learner")
    learner.add_argument("--learner", choices=[*GRADIENT, *ONE_PASS], default="maml")
    learner.add_argument(
        "--generates",
        choices=["linear", "svm", "network", "film"],
        help="what a generator generates: a linear learner or SVM on the network's features, the "
        "network, or a modulation of it (linear)",
    )
    learner.add_argument("--network", help="conv4, sinusoid_mlp, or a .keras file of your own")
    learner.add_argument("--filters", type=integer(1), default=64, help="channels of conv4")
    learner.add_argument("--inner-steps", type=integer(0), help="(1; generator: 0)")
    learner.add_argument("--eval-inner-steps", type=integer(0), help="default: as --inner-steps")
    learner.add_argument("--inner-learning-rate", type=rate, help="(0.4; waves: 0.01)")
    learner.add_argument(
        "--batch-norm", choices=["transductive", "support", "running"], default="transductive"
    )
    training = parser.add_argument_group("training")
    training.add_argument("--outer-learning-rate", type=rate, default=1e-3)
    training.add_argument("--batch-size", type=integer(1), default=16, help="tasks in a step")
    training.add_argument("--iterations", type=integer(1), default=2000)
    training.add_argument(
        "--epoch-iterations",
        type=integer(1),
        default=100,
        help="iterations between validations; --iterations are rounded up to whole epochs",
    )
    training.add_argument(
        "--checkpoint-iterations",
        type=integer(1),
        default=100,
        help="iterations between checkpoints: what a kill can cost",
    )
    training.add_argument("--validation-tasks", type=integer(1), default=100)
    training.add_argument("--seed", type=integer(0), default=0)
    data = parser.add_argument_group("data")
    data.add_argument("--image-size", type=integer(1), default=28, help="pixels of a side")
    data.add_argument("--color-mode", choices=["grayscale", "rgb"], default="grayscale")
    data.add_argument("--x-key", default="x", help="name of the examples in the .npz")
    data.add_argument("--y-key", default="y", help="name of the labels in the .npz")
    data.add_argument("--tfds-split", default="train", help="such as train+test")
    data.add_argument("--tfds-folder", help="where TensorFlow Datasets keeps prepared data")


def run(options):
    """Trains, from the start or from the last checkpoint."""
    from keras_meta.commands import data, learner_building

    folder = RunFolder(options.out)
    if options.resume:
        _take_options(options, folder.read_config())
    if options.data is None:
        raise ValueError(
            "--data says what to train on; a run that there is already needs it not again, with "
            "--resume. Received: neither --data nor --resume."
        )
    config = _config(options)
    if folder.config_file.exists():
        config = _merged(folder, config)
    distribution = data.load(config)
    # The test tasks are for `evaluate`, but whether there can be any is better known before hours
    # of training.
    train, validation, _ = (distribution(split) for split in data.SPLITS)
    learner = learner_building.build(config, train)
    folder.write_json(folder.config_file, config)
    _fit(learner, train, validation, folder, config)
    print(f"The run is in {folder.path}. Next: keras-meta evaluate {folder.path}")


def _take_options(options, config):
    """Fills in the options that were not given with those of the run."""
    for key, value in config.items():
        if hasattr(options, key) and getattr(options, key) == options.default_of(key):
            setattr(options, key, value)


def _config(options):
    """The options as `config.json` holds them, with defaults that depend on the data filled in."""
    config = {key: value for key, value in vars(options).items() if key not in _NOT_OF_THE_RUN}
    waves, generator = options.data == "sinusoid", options.learner == "generator"
    if options.generates is not None and not generator:
        raise ValueError(
            "--generates says what `--learner generator` generates. "
            f"Received: --generates {options.generates} with --learner {options.learner}."
        )
    if options.learner in ONE_PASS and options.inner_steps is not None:
        raise ValueError(
            f"--learner {options.learner} learns a task in one pass, without inner steps. Leave "
            f"--inner-steps out. Received: --inner-steps {options.inner_steps}."
        )
    defaults = {
        "shots": 10 if waves else 1,
        "queries": 10 if waves else 5,
        "network": "sinusoid_mlp" if waves else "conv4",
        "inner_learning_rate": 0.01 if waves else 0.4,
        "inner_steps": 0 if generator or options.learner in ONE_PASS else 1,
        "generates": "linear" if generator else None,
    }
    for key, value in defaults.items():
        if config[key] is None:
            config[key] = value
    if config["eval_inner_steps"] is None:
        config["eval_inner_steps"] = config["inner_steps"]
    # Absolute, so that other commands find the data from wherever they are started.
    for key in ("data", "network", "tfds_folder"):
        if config[key] is not None and Path(config[key]).exists():
            config[key] = str(Path(config[key]).resolve())
    return config


def _merged(folder, config):
    """The configuration of a run that goes on, which must be asked for as it was at first."""
    stored = folder.read_config()
    differing = [
        f"--{key.replace('_', '-')} {stored.get(key)} (now {value})"
        for key, value in config.items()
        if key not in _FREE and stored.get(key) != value
    ]
    if differing:
        raise ValueError(
            f"The run folder holds a run with other options. Received: {folder.path}, trained with "
            f"{', '.join(differing)}. Repeat those options to go on, or choose another --out."
        )
    return {**stored, **config}


def _fit(learner, train, validation, folder, config):
    import keras

    from keras_meta.callbacks import ExactResume

    steps = config["epoch_iterations"]
    epochs = math.ceil(config["iterations"] / steps)
    resume = ExactResume(folder.checkpoint_folder, config["checkpoint_iterations"])
    if resume.epoch >= epochs:
        print(
            f"The run has already done {resume.step} iterations, of --iterations {epochs * steps}."
        )
        return
    if resume.step:
        print(f"Going on after iteration {resume.step}.")
    elif folder.learner_file.exists():
        raise ValueError(
            "The run has no checkpoint to go on from. "
            f"Received: {folder.path}, with learner.keras and without {folder.checkpoint_folder}. "
            "Choose another --out."
        )
    rows = folder.read_history(resume.step)

    class SaveEpoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            # Before the checkpoint of this epoch: surplus rows are cut off on resuming.
            rows.append({"iterations": (epoch + 1) * steps, **(logs or {})})
            folder.write_history(rows)
            folder.write_learner(self.model)

    tasks = config["validation_tasks"]
    batch_size = max(size for size in range(1, min(tasks, 50) + 1) if tasks % size == 0)
    learner.fit(
        train.as_dataset(config["batch_size"], start=resume.step),
        steps_per_epoch=steps,
        initial_epoch=resume.epoch,
        epochs=epochs,
        shuffle=False,
        validation_data=validation.as_dataset(batch_size, num_batches=tasks // batch_size),
        callbacks=[resume, SaveEpoch()],
    )
