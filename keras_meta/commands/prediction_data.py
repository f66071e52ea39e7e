"""What `keras-meta predict` reads: examples of known classes, and queries."""

from keras_meta import episodes
from keras_meta.commands import text_data


def texts(learner, config, options):
    """Returns support texts, their labels, query texts, and what names each query."""
    del learner
    check_of_images(options, "texts")
    query = text_data.read_unknown(options.query, config)
    return *text_data.read_known(options.support, config), query, query


def images(learner, config, options):
    """Returns support images, their classes, query images, and what names each query."""
    size, color_mode = _image_format(learner, config)
    support, names = episodes.from_directory(options.support, size, color_mode)
    query, files = episodes.load_images(options.query, size, color_mode)
    if options.invert:
        support, query = 255 - support, 255 - query
    return support, names, query, files


def check_of_images(options, data):
    """Raises if an option is given that only images have."""
    for name in ("invert", "sheet"):
        if getattr(options, name):
            raise ValueError(f"--{name} is for images. Received: --{name} for a run on {data}.")


def _image_format(learner, config):
    """Returns the size and the colours of the images that the learner was trained on."""
    shape = learner.episode_spec["query_x"]["shape"]
    if config["data"] == "sinusoid" or len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            "`predict` is for runs on images. Received: a run on "
            f"{config['data']} with examples of shape {tuple(shape)}."
        )
    if config.get("feature_dtype", "uint8") != "uint8":
        raise ValueError(
            "`predict` reads images with values 0..255, and the run was not trained on such. "
            f"Received: a run on {config['data']} with values of type {config['feature_dtype']}, "
            "whose scale is unknown. Store the images as uint8 and train again."
        )
    return tuple(shape[:2]), "grayscale" if shape[-1] == 1 else "rgb"
