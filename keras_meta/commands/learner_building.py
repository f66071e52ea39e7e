"""From the options of a run to its learner."""

import functools
import math

import keras

from keras_meta import generators, learners, networks
from keras_meta.commands import model_files
from keras_meta.serving.adapted_model import clone

# They take inner steps; the last one on an embedding, for which prototypes write the head.
_GRADIENT = {
    "maml": learners.MAML,
    "fomaml": functools.partial(learners.MAML, first_order=True),
    "anil": learners.ANIL,
    "boil": learners.BOIL,
    "meta-sgd": learners.MetaSGD,
    "meta-curvature": learners.MetaCurvature,
    "maml++": learners.MAMLPlusPlus,
    "reptile": learners.Reptile,
    "imaml": learners.ImplicitMAML,
    "protomaml": learners.ProtoMAML,
}
# They learn a task in one pass over its embedded support set.
_EMBEDDING = {
    "prototypes": learners.PrototypicalNetwork,
    "matching": learners.MatchingNetwork,
    "relation": learners.RelationNetwork,
    "ridge": learners.RidgeLearner,
    "logistic": learners.LogisticLearner,
    "svm": learners.SVMLearner,
}

# What a generator generates: for classes, for values.
_HEADS = {
    "linear": (generators.LogisticRegression, generators.LinearRegression),
    "svm": (generators.LinearSVM, generators.LinearSVR),
}
_NETWORKS = {"network": generators.NeuralNetwork, "film": generators.FiLM}


def build(config, tasks):
    """Makes the compiled learner of a new run.

    Args:
        config: dict, the options of `keras-meta train`.
        tasks: `TaskDistribution` to train on, from which the shape of an example is known.

    Returns:
        A compiled learner.

    Raises:
        ValueError: If the network does not fit the tasks.
    """
    inputs, _ = tasks.as_dataset(1).element_spec
    model = network(config, tuple(inputs["support_x"].shape[2:]))
    settings = {
        "inner_learning_rate": config["inner_learning_rate"],
        "inner_steps": config["inner_steps"],
        "eval_inner_steps": config["eval_inner_steps"],
        "batch_norm": config["batch_norm"],
        "seed": config["seed"],
    }
    regression = config["data"] == "sinusoid"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not gives_probabilities(model))
    loss = "mse" if regression else loss
    name = config["learner"]
    if regression and (name in _EMBEDDING or name == "protomaml"):
        raise ValueError(
            f"--learner {name} learns classes. Choose another for --data {config['data']}, whose "
            f"labels are values. Received: --learner {name} --data {config['data']}."
        )
    if name == "generator":
        embedding, generated = _generated(config, model)
        learner = learners.LearnerGenerator(embedding, generated, **settings)
        loss = getattr(generated, "loss", loss)
    elif name in _EMBEDDING:
        of_task = {key: settings[key] for key in ("batch_norm", "seed")}
        learner = _EMBEDDING[name](networks.embedding(model), **of_task)
    else:
        learner = _GRADIENT[name](
            networks.embedding(model) if name == "protomaml" else model, **settings
        )
    # A step of a small dense model takes less time than Keras takes between two.
    small = learner.chosen_task_map() == "vectorize"
    learner.compile(
        keras.optimizers.Adam(config["outer_learning_rate"]),
        loss=loss,
        metrics=[] if regression else ["accuracy"],
        steps_per_execution=math.gcd(config["epoch_iterations"], 10) if small else 1,
    )
    return learner


def _generated(config, model):
    """The embedding of a learner generator, which is the network up to its head, and the kind."""
    kind = config["generates"]
    if kind in _NETWORKS:
        return networks.embedding(clone(model)), _NETWORKS[kind](model)
    for_classes, for_values = _HEADS[kind]
    if config["data"] == "sinusoid":
        return networks.embedding(model), for_values()
    return networks.embedding(model), for_classes(num_ways=config["ways"])


def network(config, input_shape):
    """Makes or loads the network to meta-learn.

    Args:
        config: dict, the options of `keras-meta train`.
        input_shape: Tuple, the shape of one example.

    Returns:
        A built `keras.Model`.

    Raises:
        ValueError: If it does not fit the tasks, or a file cannot be read.
    """
    name = config["network"]
    if name == "sinusoid_mlp":
        _check_fit(config, input_shape, expected=(1,), outputs=1)
        return networks.SinusoidMLP(seed=config["seed"])
    if name == "conv4":
        if len(input_shape) != 3 or config["data"] == "sinusoid":
            raise ValueError(
                "--network conv4 takes images [height, width, channels]. Received: examples of "
                f"shape {input_shape}. Pass a .keras file of your own model for such data."
            )
        # As in the literature: strides for drawings of 28x28, pooling for photographs of 84x84.
        pooling = "stride" if min(input_shape[:2]) < 64 else "max"
        return networks.Conv4(
            config["ways"], input_shape, config["filters"], pooling, seed=config["seed"]
        )
    try:
        model = model_files.load(name, compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            "--network must be conv4, sinusoid_mlp or a .keras file that can be loaded. Received: "
            f"{name}: {reason[0]}"
        ) from error
    _check_fit(config, input_shape, tuple(model.input_shape[1:]), model.output_shape[-1])
    return model


def gives_probabilities(model):
    """Whether a classifier ends in a softmax; else its outputs are logits."""
    last = model.layers[-1]
    activation = getattr(last, "activation", None)
    return isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax


def _check_fit(config, input_shape, expected, outputs):
    needed = 1 if config["data"] == "sinusoid" else config["ways"]
    fits = len(expected) == len(input_shape) and all(
        e in (None, received) for e, received in zip(expected, input_shape, strict=True)
    )
    if not fits or outputs != needed:
        raise ValueError(
            f"The network does not fit the tasks, which have examples of shape {input_shape} and "
            f"need {needed} outputs. Received: --network {config['network']} with input {expected} "
            f"and {outputs} outputs."
        )
