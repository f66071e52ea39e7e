"""The defaults of `keras-meta train` for learners, which depend on the data."""

from keras_meta import registry
from keras_meta.commands import data_kinds

_WAYS = 5
# Of a training task on texts: harder tasks than those to come make better embeddings.
_TEXT_TRAIN_WAYS = 20
_TEXT_OPTIONS = {"text": "text", "label": "label"}
_LANGUAGE_OPTIONS = ("length", "pooled_iterations")
# Those whose inner steps take the recipe for languages.
_LANGUAGE_LEARNERS = ("maml", "fomaml", "anil", "boil")
# With their defaults for tables.
_TABLE_OPTIONS = {
    "x": None,
    "y": None,
    "categories": None,
    "order": None,
    "from_start": False,
    "min_shots": 1,
    "mask_missing": False,
    "coverage": 0.9,
}


def filled(options, config):
    """Returns the options with defaults where the user gave none.

    Args:
        options: The parsed arguments of `keras-meta train`.
        config: dict of those that make a run on episodes.

    Raises:
        ValueError: If an option is given that the learner or the data do not take.
    """
    texts, waves = data_kinds.is_text(config), options.data == "sinusoid"
    table, languages = data_kinds.is_table(config), data_kinds.names_languages(config)
    _check_data(options, texts, table, languages)
    learner = options.learner or ("ridge" if texts or table else "maml")
    config = {**config, "learner": learner}
    _check_learner(options, learner)
    if languages:
        return _filled_for_languages(config)
    row = registry.learner(learner)
    takes_steps = row.takes_inner_steps
    generator = learner == "generator"
    harder = texts and row.has_open_ways
    ways = config["ways"] or (_TEXT_TRAIN_WAYS if harder else _WAYS)
    defaults = {
        "ways": ways,
        "validation_ways": min(ways, _WAYS) if harder else None,
        "shots": 10 if waves or table else 1,
        "queries": 10 if waves or table else 5,
        "network": _network(waves, texts, table),
        "inner_learning_rate": 0.01 if waves else 0.05 if table else 0.4,
        "inner_steps": 0 if generator or not takes_steps else 1,
        "outer_learning_rate": 1e-3,
        "batch_size": 4 if texts else 16,
        "iterations": 600 if texts else 3000 if table else 2000,
        "epoch_iterations": 100,
        "checkpoint_iterations": 100,
        "validation_tasks": 200 if table else 100,
        "generates": ("film" if table else "linear") if generator else None,
        **(_TEXT_OPTIONS if texts else {}),
        **(_TABLE_OPTIONS if table else {}),
    }
    return {key: defaults.get(key) if x is None else x for key, x in config.items()}


def _filled_for_languages(config):
    """The recipe for languages: see `language_learner`."""
    invented = config["data"] == data_kinds.LANGUAGES
    defaults = {
        "ways": _WAYS,
        "length": 64,
        # Languages that people speak have more in common.
        "pooled_iterations": 300 if invented else 2000,
        "shots": 10,
        "queries": 10,
        "network": "causal_conv",
        "inner_learning_rate": 0.3,
        "inner_steps": 3,
        "outer_learning_rate": 1e-3,
        "batch_size": 8,
        "iterations": 1000 if invented else 3000,
        "epoch_iterations": 100,
        "checkpoint_iterations": 100,
        "validation_tasks": 40,
    }
    config = {key: defaults.get(key) if x is None else x for key, x in config.items()}
    if config["learner"] not in _LANGUAGE_LEARNERS:
        raise ValueError(
            f"--learner must be one of {', '.join(_LANGUAGE_LEARNERS)} for languages. "
            f"Received: --learner {config['learner']} with --data {config['data']}."
        )
    if config["pooled_iterations"] >= config["iterations"]:
        raise ValueError(
            "--pooled-iterations must be below --iterations, of which they are the first. "
            f"Received: --pooled-iterations {config['pooled_iterations']} with --iterations "
            f"{config['iterations']}."
        )
    return config


def _network(waves, texts, table):
    if waves:
        return "sinusoid_mlp"
    return "text_embedding" if texts else "table_network" if table else "conv4"


def _check_data(options, texts, table, languages):
    """Raises if options are given that the data do not take, or one that they need is not."""
    csv = "a .csv file of"
    _check_absent(options, [] if texts else _TEXT_OPTIONS, f"{csv} texts, without --task")
    _check_absent(options, [] if table else _TABLE_OPTIONS, f"{csv} a table, with --task")
    _check_absent(options, [] if texts or table else ["group"], f"{csv} texts or of a table")
    images = not (texts or table or languages or options.data in ("sinusoid", "glyphs"))
    _check_absent(options, [] if images else ["augment"], "images of your own or of tfds")
    kind = f"languages: --data {data_kinds.LANGUAGES}, or a folder of .txt files"
    _check_absent(options, [] if languages else _LANGUAGE_OPTIONS, kind)
    if table and options.y is None:
        raise ValueError(
            "--y is missing: it names the column of the value to predict. Received: --task "
            f"{options.task} without --y."
        )
    if table and options.rotations:
        raise ValueError("--rotations is for images. Received: --rotations with --task.")
    shots = 10 if options.shots is None else options.shots
    if table and options.min_shots is not None and options.min_shots > shots:
        raise ValueError(
            f"--min-shots must not exceed --shots. Received: --min-shots {options.min_shots} "
            f"with --shots {shots}."
        )


def _check_absent(options, names, kind):
    for name in names:
        value = getattr(options, name)
        if value is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} is for {kind}. Leave it out for other "
                f"data. Received: --{name.replace('_', '-')} "
                f"{','.join(value) if isinstance(value, list) else value} with --data "
                f"{options.data}."
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
    if options.validation_ways not in (None, options.ways or _WAYS) and not row.has_open_ways:
        raise ValueError(
            f"--learner {learner} has as many outputs as --ways says, in training as later. Leave "
            f"--validation-ways out. Received: --validation-ways {options.validation_ways} with "
            f"--ways {options.ways or _WAYS}."
        )
    learners = registry.find("statistics", options.batch_norm).learners
    if learners and learner not in learners:
        raise ValueError(
            f"--batch-norm {options.batch_norm} is for --learner {' or '.join(learners)}. "
            f"Received: --batch-norm {options.batch_norm} with --learner {learner}."
        )
