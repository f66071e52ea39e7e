"""Builds the learner that the options of a run describe."""

import keras

from keras_meta.commands import data_kinds, language_learner, learner_parts, networks, table_learner


def build(config, tasks):
    """Makes the compiled learner of a new run.

    Args:
        config: dict, the options of `keras-meta train`.
        tasks: `TaskDistribution` to train on, which determines the shape of an example.

    Returns:
        A compiled learner.

    Raises:
        ValueError: If the network does not fit the tasks, or both do not fit into memory.
    """
    if data_kinds.is_table(config):
        return table_learner.build(config, tasks)
    if data_kinds.is_languages(config):
        return language_learner.build(config, tasks)
    inputs, _ = tasks.as_dataset(1).element_spec
    model = networks.build(config, tuple(inputs["support_x"].shape[2:]), tasks)
    learner_parts.check_memory(config, inputs, model)
    regression = data_kinds.is_regression(config)
    row, settings = learner_parts.learner_row(config)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=not learner_parts.gives_probabilities(model)
    )
    loss = "mse" if regression else loss
    if row.generated is not None:
        generated = row.generated.build(model, config["ways"], regression)
        settings["generated"] = generated
        loss = getattr(generated, "loss", loss)
    learner = row.build(model, **settings)
    learner_parts.compile_learner(learner, config, loss, [] if regression else ["accuracy"])
    return learner
