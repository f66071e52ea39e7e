"""Builds the learner of a run on languages."""

import math

import keras
import numpy as np

from keras_meta import metrics, networks
from keras_meta.commands import learner_parts, model_files
from keras_meta.inner_optimizers import SGD, Learned

# Symbols of the support text, in passages, that a model may read before a query.
CONTEXTS = (0, 1, 4)
NETWORKS = ("causal_conv", "character_gru", "causal_transformer")


def build(config, tasks):
    """Makes the compiled learner of a new run on languages.

    Its inner steps have learned rates for each layer and step, and clipped gradients: without
    clipping, an unlucky language diverges. See `benchmarks/languages`.

    Args:
        config: dict, the options of `keras-meta train`.
        tasks: `TaskDistribution` to train on, with a `codec`.

    Returns:
        A compiled learner.

    Raises:
        ValueError: If the network does not fit the tasks or is not causal, or both do not fit into
            memory.
    """
    model = network(config, tasks.codec)
    inputs, _ = tasks.as_dataset(1).element_spec
    learner_parts.check_memory(config, inputs, model, config["length"])
    _check_causal(model, config)
    row, settings = learner_parts.learner_row(config)
    rates = Learned(settings.pop("inner_learning_rate"), per="layer", per_step=True)
    learner = row.build(model, inner_optimizer=SGD(rates, global_clipnorm=3.0), **settings)
    # A step of a small model takes less time than Keras takes between two steps.
    small = learner.chosen_task_map() == "vectorize"
    learner.compile(
        keras.optimizers.Adam(config["outer_learning_rate"], global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[metrics.BitsPerCharacter(utf_8=tasks.codec.utf_8)],
        steps_per_execution=math.gcd(config["epoch_iterations"], 10) if small else 1,
    )
    return learner


def network(config, codec):
    """Makes or loads the model of text to meta-learn.

    Args:
        config: dict, the options of `keras-meta train`.
        codec: `episodes.Characters`.

    Returns:
        A built causal `keras.Model`, symbols `[n, time]` to logits `[n, time, symbols]`.

    Raises:
        ValueError: If it does not fit the tasks, or a file cannot be read.
    """
    name, width, length = config["network"], config["filters"], config["length"]
    keras.utils.set_random_seed(config["seed"])
    if name == "causal_conv":
        return networks.CausalConvNet(codec.size, width)
    if name == "character_gru":
        return networks.CharacterGRU(codec.size, width)
    if name == "causal_transformer":
        if width % 4:
            raise ValueError(
                "--filters must be a multiple of 4, the number of attention heads of "
                f"causal_transformer. Received: --filters {width}."
            )
        longest = (max(CONTEXTS) + 1) * length
        return networks.CausalTransformer(codec.size, width, length=longest)
    try:
        model = model_files.load(name, compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            f"For languages, --network must be {', '.join(NETWORKS)} or a .keras file that can be "
            f"loaded. Received: {name}: {reason[0]}"
        ) from error
    _check_fit(model, name, codec, length)
    return model


def _check_fit(model, name, codec, length):
    """Raises if a model does not predict a symbol at each position."""
    x, y = model.input_shape, model.output_shape
    fits = isinstance(x, tuple) and isinstance(y, tuple) and len(x) == 2 and len(y) == 3
    if not fits or x[1] not in (None, length) or y[2] != codec.size:
        raise ValueError(
            f"The network must take symbols [n, {length}] and give logits [n, {length}, "
            f"{codec.size}]. Received: --network {name} with input {x} and output {y}."
        )


def _check_causal(model, config):
    """Raises if what a model predicts depends on later symbols: it would seem very good."""
    length = config["length"]
    symbols = np.zeros([2, length], "int32")
    symbols[1, -1] = 1
    first, second = keras.ops.convert_to_numpy(model(symbols))
    if not np.allclose(first[:-1], second[:-1], atol=1e-5):
        raise ValueError(
            "The network must be causal: what it predicts of a symbol may depend on those before "
            f"it alone. Received: --network {config['network']}, whose predictions depend on later "
            "symbols."
        )
