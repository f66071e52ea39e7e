"""Builds the learner of a run on a table."""

import keras

from keras_meta import losses, networks
from keras_meta.commands import learner_parts, model_files
from keras_meta.networks.table_network import standardization


def build(config, tasks):
    """Makes the compiled learner of a new run on a table.

    Args:
        config: dict, the options of `keras-meta train`.
        tasks: `GroupedEpisodes` to train on.

    Returns:
        A compiled learner.

    Raises:
        ValueError: If the learner or the network does not fit the tasks.
    """
    row, settings = learner_parts.learner_row(config)
    model = network(config, tasks)
    mean, scale = standardization(tasks.table.y)
    if row.for_values:
        settings |= {"target_mean": mean, "target_scale": scale}
    if row.generated is not None:
        if row.generated.for_values:
            raise ValueError(
                "For the values of a table, --learner generator generates networks: choose "
                "--generates film or network. Received: --generates "
                f"{row.generated.name} with --task {config['task']}."
            )
        settings["generated"] = row.generated.build(
            model, regression=True, target_mean=mean, target_scale=scale
        )
    learner = row.build(model, **settings)
    loss = losses.StandardizedSquaredError(scale)
    error = keras.metrics.RootMeanSquaredError(name="root_mean_squared_error")
    learner_parts.compile_learner(learner, config, loss, [error])
    return learner


def network(config, tasks):
    """Makes or loads the network to meta-learn.

    Args:
        config: dict, the options of `keras-meta train`.
        tasks: `GroupedEpisodes` to train on.

    Returns:
        A built `keras.Model` from a dict of columns to values `[n, 1]`.

    Raises:
        ValueError: If it does not fit the tasks, or a file cannot be read.
    """
    if config["network"] == "table_network":
        return networks.table_network(tasks, seed=config["seed"])
    try:
        model = model_files.load(config["network"], compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            "For a table, --network must be table_network or a .keras file that can be loaded. "
            f"Received: {config['network']}: {reason[0]}"
        ) from error
    expected = sorted(tasks.as_dataset(1).element_spec[0]["support_x"])
    received = sorted(x.name for x in model.inputs)
    if received != expected or model.output_shape != (None, 1):
        raise ValueError(
            f"The network does not fit the table, which has the columns {expected} and one value "
            f"to predict. Received: --network {config['network']} with inputs {received} and "
            f"output {model.output_shape}."
        )
    return model
