"""Parts of building a learner that every kind of data needs."""

import math
import os

import keras

from keras_meta import registry
from keras_meta.commands import data_kinds, memory


def learner_row(config):
    """Returns the row of the learner of a run in the registry, and a dict of its settings.

    Raises:
        ValueError: If it learns classes, and the labels are values.
    """
    row = registry.learner(config["learner"], config["generates"])
    regression = data_kinds.is_regression(config)
    if regression and row.classes_only:
        raise ValueError(
            f"--learner {row.name} learns classes. Choose another for --data {config['data']}, "
            f"whose labels are values. Received: --learner {row.name} --data {config['data']}."
        )
    names = ["batch_norm", "seed"]
    if row.takes_inner_steps:
        names += ["inner_learning_rate", "inner_steps", "eval_inner_steps"]
    settings = {name: config[name] for name in names}
    return row, {**settings, **(row.for_values if regression else {})}


def compile_learner(learner, config, loss, metrics):
    """Compiles a learner for the training that the options describe."""
    # A step of a small dense model takes less time than Keras takes between two steps.
    small = learner.chosen_task_map() == "vectorize"
    learner.compile(
        keras.optimizers.Adam(config["outer_learning_rate"]),
        loss=loss,
        metrics=metrics,
        steps_per_execution=math.gcd(config["epoch_iterations"], 10) if small else 1,
    )


def gives_probabilities(model):
    """Whether a classifier ends in a softmax; otherwise its outputs are logits."""
    last = model.layers[-1]
    activation = getattr(last, "activation", None)
    return isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax


def check_memory(config, inputs, model, positions=1):
    """Raises if batches of tasks, and what the network computes of some, do not fit into memory.

    Args:
        config: dict, the options of `keras-meta train`.
        inputs: dict of the specs of a batch of tasks.
        model: A built `keras.Model`.
        positions: int. The size of a side that the layers of the model leave open, such as time.

    Raises:
        ValueError: If they do not fit.
    """
    shapes = [inputs[key].shape[1:] for key in ("support_x", "query_x")]
    examples = sum(shape[0] for shape in shapes)
    outputs = keras.tree.flatten([layer.output for layer in model.layers])
    computed = sum(math.prod(side or positions for side in output.shape[1:]) for output in outputs)
    batch_size, cores = config["batch_size"], os.cpu_count() or 1
    batch = batch_size * sum(math.prod(shape) for shape in shapes)
    # Each core draws a batch while another is in use; each works on a task, of which it keeps what
    # every layer computes for the gradient.
    numbers = (cores + 1) * batch + min(cores, batch_size) * examples * computed
    memory.check_fits(
        4 * numbers,
        f"{batch_size:,} tasks of {examples:,} examples of shape {tuple(shapes[0][1:])}, and a "
        f"network whose layers compute {computed:,} numbers of each",
        "Choose smaller values of --batch-size, --queries, --shots, --ways, --image-size, "
        "--length or --filters.",
    )
