"""The defaults of `keras-meta train` for learners, which depend on the data."""

from keras_meta import registry
from keras_meta.commands import data_kinds

# Classes of a training task on texts: harder tasks than those to come make better embeddings.
TEXT_TRAIN_WAYS = 20
_TEXT_OPTIONS = {"text": "text", "label": "label", "group": None}


def filled(options, config):
    """Returns the options with defaults where the user gave none.

    Args:
        options: The parsed arguments of `keras-meta train`.
        config: dict of those that make a run on episodes.

    Raises:
        ValueError: If an option is given that the learner or the data do not take.
    """
    texts, waves = data_kinds.is_text(config), options.data == "sinusoid"
    _check_data(options, texts)
    learner = options.learner or ("ridge" if texts else "maml")
    config = {**config, "learner": learner}
    _check_learner(options, learner)
    takes_steps = registry.learner(learner).takes_inner_steps
    generator = learner == "generator"
    defaults = {
        "shots": 10 if waves else 1,
        "queries": 10 if waves else 5,
        "network": "sinusoid_mlp" if waves else "text_embedding" if texts else "conv4",
        "inner_learning_rate": 0.01 if waves else 0.4,
        "inner_steps": 0 if generator or not takes_steps else 1,
        "outer_learning_rate": 1e-3,
        "batch_size": 4 if texts else 16,
        "iterations": 600 if texts else 2000,
        "epoch_iterations": 100,
        "checkpoint_iterations": 100,
        "validation_tasks": 100,
        "generates": "linear" if generator else None,
        **(_TEXT_OPTIONS if texts else {}),
    }
    return {key: defaults.get(key) if x is None else x for key, x in config.items()}


def _check_data(options, texts):
    """Raises if options are given that the data do not take."""
    given = [name for name in _TEXT_OPTIONS if getattr(options, name) is not None]
    if given and not texts:
        raise ValueError(
            f"--{given[0]} names a column of a .csv file of texts. Leave it out for other data. "
            f"Received: --{given[0]} {getattr(options, given[0])} with --data {options.data}."
        )


def _check_learner(options, learner):
    """Raises if options are given that the learner does not take."""
    row = registry.learner(learner)
    if options.generates is not None and learner != "generator":
        raise ValueError(
            "--generates says what `--learner generator` generates. "
            f"Received: --generates {options.generates} with --learner {learner}."
        )
    if options.inner_steps and not row.takes_inner_steps:
        raise ValueError(
            f"--learner {learner} learns a task in one pass, without inner steps. "
            f"Leave --inner-steps out. Received: --inner-steps {options.inner_steps}."
        )
    if options.train_ways is not None and not row.has_open_ways:
        raise ValueError(
            f"--learner {learner} has as many outputs as --ways says, in training as later. Leave "
            f"--train-ways out. Received: --train-ways {options.train_ways}."
        )
    learners = registry.find("statistics", options.batch_norm).learners
    if learners and learner not in learners:
        raise ValueError(
            f"--batch-norm {options.batch_norm} is for --learner {' or '.join(learners)}. "
            f"Received: --batch-norm {options.batch_norm} with --learner {learner}."
        )
