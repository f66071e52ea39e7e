"""classify your own images, given a few examples of each class

The support folder has one folder of images per class, as many classes as the run has ways, each
with at least one image. Images are converted to the size and colours that the run was trained on.
"""

import contextlib
import csv
import sys
from pathlib import Path

from keras_meta.commands import tensorflow_start
from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("--support", required=True, metavar="DIR", help="folder of class folders")
    parser.add_argument(
        "--query", required=True, metavar="DIR", help="folder of images to classify"
    )
    parser.add_argument("--out", metavar="FILE.csv", help="(default: standard output)")
    parser.add_argument(
        "--invert",
        action="store_true",
        help="invert brightness, for dark ink on paper if training had light on dark (glyphs)",
    )


def run(options):
    """Writes the file, class and probability of each query."""
    if options.out is not None and not Path(options.out).parent.is_dir():
        raise ValueError(f"--out must be in a folder that exists. Received: {options.out}.")
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    if "environment" in config:
        raise ValueError(
            "`predict` is for runs on images. "
            f"Received: {folder.path}, a run on {config['environment']}."
        )
    tensorflow_start.start(options)
    import numpy as np

    from keras_meta import episodes

    learner = folder.read_learner()
    size, color_mode = _image_format(learner, config)
    support, names = episodes.from_directory(options.support, size, color_mode)
    classes, labels = np.unique(names, return_inverse=True)
    ways = config["ways"]
    if len(classes) != ways:
        raise ValueError(
            f"--support must have as many class folders as the run has ways, {ways}. Received: "
            f"{len(classes)} in {options.support}: {', '.join(classes[:10])}. Add or remove "
            f"folders, or train with --ways {len(classes)}."
        )
    query, files = episodes.load_images(options.query, size, color_mode)
    if options.invert:
        support, query = 255 - support, 255 - query
    probabilities = _probabilities(learner, support, labels, query)
    if not learner.statistics.independent and learner.functional.batch_normalizations:
        print(
            "keras-meta: note: with batch_norm=transductive the images are classified together, "
            "and each prediction depends on the others. Train with --batch-norm support to "
            "classify each image independently.",
            file=sys.stderr,
        )
    with _output(options.out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "class", "probability"])
        for name, row in zip(files, probabilities, strict=True):
            writer.writerow([name, classes[row.argmax()], f"{row.max():.6f}"])


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


def _probabilities(learner, support, labels, query):
    import keras

    from keras_meta.commands import learner_building
    from keras_meta.episodes.episode_sampler import scale_images

    features = keras.tree.map_structure(
        lambda x: scale_images(keras.ops.convert_to_tensor(x))[None], (support, query)
    )
    labels = keras.ops.convert_to_tensor(labels.astype("int32"))[None]
    outputs = learner(
        {"support_x": features[0], "support_y": labels, "query_x": features[1]}, training=False
    )[0]
    # A generated network may end in a softmax, whatever the embedding does.
    generated = getattr(getattr(learner, "generated", None), "model", None)
    if not learner_building.gives_probabilities(generated or learner.model):
        outputs = keras.ops.softmax(outputs)
    return keras.ops.convert_to_numpy(outputs)


@contextlib.contextmanager
def _output(path):
    if path is None:
        yield sys.stdout
        return
    from keras_meta.callbacks.checkpoint_file import replaced_when_complete

    with replaced_when_complete(Path(path)) as temporary, temporary.open("w", newline="") as file:
        yield file
