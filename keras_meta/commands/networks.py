"""The networks that a run names."""

from keras_meta import networks, registry
from keras_meta.commands import data_kinds, model_files

# Names of networks of images, which all have a head of `--ways` outputs.
OF_IMAGES = ("conv4", "conv4-max", "resnet12", "wide-resnet")
# Of photographs, Conv4 pools; of drawings of 28x28, it has strides, as in the literature.
_PHOTOGRAPH = 64
# Channels of the four parts of ResNet-12 relative to the first.
_RESNET_WIDTHS = (1.0, 2.5, 5.0, 10.0)


def build(config, input_shape, tasks):
    """Makes or loads the network to meta-learn.

    Args:
        config: dict, the options of `keras-meta train`.
        input_shape: Tuple, the shape of one example.
        tasks: `TaskDistribution` to train on, which may have texts.

    Returns:
        A built `keras.Model`.

    Raises:
        ValueError: If it does not fit the tasks, or a file cannot be read.
    """
    name = config["network"]
    if name == "sinusoid_mlp":
        _check_fit(config, input_shape, expected=(1,), outputs=1)
        return networks.SinusoidMLP(seed=config["seed"])
    if name in OF_IMAGES:
        if len(input_shape) != 3 or config["data"] == "sinusoid":
            raise ValueError(
                f"--network {name} takes images [height, width, channels]. Received: examples of "
                f"shape {input_shape}. Pass a .keras file of your own model for such data."
            )
        return _of_images(name, config, input_shape)
    if name == "text_embedding":
        if not data_kinds.is_text(config):
            raise ValueError(
                "--network text_embedding takes the texts of a .csv file. "
                f"Received: --data {config['data']}."
            )
        return networks.text_embedding(tasks.x, config["ways"], seed=config["seed"])
    try:
        model = model_files.load(name, compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            f"--network must be {', '.join(OF_IMAGES)}, sinusoid_mlp, text_embedding or a .keras "
            f"file that can be loaded. Received: {name}: {reason[0]}"
        ) from error
    _check_fit(config, input_shape, tuple(model.input_shape[1:]), model.output_shape[-1])
    return model


def _of_images(name, config, input_shape):
    ways, filters, seed = config["ways"], config["filters"], config["seed"]
    if name == "resnet12":
        widths = tuple(round(filters * width) for width in _RESNET_WIDTHS)
        return networks.ResNet12(ways, input_shape, widths, seed=seed)
    if name == "wide-resnet":
        return networks.WideResNet(ways, input_shape, seed=seed)
    pools = name == "conv4-max" or min(input_shape[:2]) >= _PHOTOGRAPH
    return networks.Conv4(ways, input_shape, filters, "max" if pools else "stride", seed=seed)


def _check_fit(config, input_shape, expected, outputs):
    needed = 1 if config["data"] == "sinusoid" else config["ways"]
    # Of a learner that embeds, the head is left out.
    if registry.learner(config["learner"]).has_open_ways:
        needed = outputs
    fits = len(expected) == len(input_shape) and all(
        e in (None, received) for e, received in zip(expected, input_shape, strict=True)
    )
    if not fits or outputs != needed:
        raise ValueError(
            f"The network does not fit the tasks, which have examples of shape {input_shape} and "
            f"need {needed} outputs. Received: --network {config['network']} with input {expected} "
            f"and {outputs} outputs."
        )
