"""Tasks of labelled examples: how many classes a task has, and what a run says about it."""

import sys

from keras_meta import episodes, registry
from keras_meta.commands import augmentations, splits


def ways(config, split):
    """Returns the number of classes of the tasks of a split that a run asks for."""
    validation = config.get("validation_ways")
    return config["ways"] if split == "train" or validation is None else validation


def distribution(config, x, y, parts):
    """Returns the function `(split, num_queries, num_shots, num_ways)` of `data.load`.

    A learner with open ways gets tasks of as many classes as a part has, if these are fewer than
    the run asks for.

    Args:
        config: dict, the options of `keras-meta train`.
        x: Array of examples.
        y: Array of labels.
        parts: dict, split to array of rows.
    """
    changes = augmentations.changes(config.get("augment"), x.shape[1:])
    open_ways = registry.learner(config["learner"]).has_open_ways

    def distribution(split, num_queries=None, num_shots=None, num_ways=None):
        rows = parts[split]
        if not len(rows):
            raise ValueError(f"The data have no {split} part. Received: no example of it.")
        asked = num_ways or ways(config, split)
        if open_ways and num_ways is None:
            asked = max(2, min(asked, len(set(y[rows].tolist()))))
        shots, queries = num_shots or config["shots"], num_queries or config["queries"]
        training = split == "train"
        try:
            return episodes.EpisodeSampler(
                x[rows],
                y[rows],
                asked,
                shots,
                queries,
                seed=splits.split_seed(config, split),
                rotations=config["rotations"] and training,
                augment=changes if training else None,
            )
        except ValueError as error:
            raise ValueError(
                f"The {split} part of the data cannot fill episodes of --ways {asked} "
                f"--shots {shots} and {queries} queries. {error}"
            ) from error

    return distribution


def note_fewer_ways(config, parts):
    """Says so if tasks have fewer classes than the run asks for.

    Args:
        config: dict, the options of `keras-meta train`.
        parts: dict, split to `TaskDistribution` of classes.
    """
    validation_option = "--ways" if config.get("validation_ways") is None else "--validation-ways"
    for name, part in parts.items():
        if part.num_ways < ways(config, name):
            option = "--ways" if name == "train" else validation_option
            print(
                f"keras-meta: note: {name} tasks are {part.num_ways}-way and not "
                f"{ways(config, name)}-way ({option}), because only {part.num_classes} classes are "
                f"for {name}.",
                file=sys.stderr,
            )


def description(parts):
    """Returns a line on the classes of each part and the ways of its tasks.

    Args:
        parts: dict, split to `TaskDistribution` of classes.
    """
    tasks = ", ".join(
        f"{part.num_classes} for {name} ({part.num_ways}-way)" for name, part in parts.items()
    )
    return f"Classes: {tasks}; {parts['train'].num_shots}-shot tasks."
