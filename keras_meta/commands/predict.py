"""classify your own images or texts, or predict values, given a few examples

Images: the support folder has one folder of images per class, each with at least one image; the
query folder has images. They are converted to the size and colours that the run was trained on.
Texts: both are .csv files, with the columns of the run: texts and labels, and texts alone.

Tables: both are .csv or .parquet files with the columns of the run, known rows with the value to
predict and unknown ones without; they can also be one file, --support, in which the value is empty
where it is unknown. The output has the value, and the interval that covers it.

There are as many classes as the run has ways, or any number if its learner has open ways: ridge and
other heads that are made in one pass.
"""

import contextlib
import csv
import sys
from pathlib import Path

from keras_meta.commands import data_kinds, tensorflow_start
from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument(
        "--support", required=True, metavar="KNOWN", help="folder of class folders, or .csv file"
    )
    parser.add_argument(
        "--query",
        metavar="UNKNOWN",
        help="what to classify or predict: folder or .csv file (tables: the rows of KNOWN without "
        "a value)",
    )
    parser.add_argument("--out", metavar="FILE.csv", help="(default: standard output)")
    parser.add_argument(
        "--invert",
        action="store_true",
        help="invert brightness, for dark ink on paper if training had light on dark (glyphs)",
    )


def run(options):
    """Writes the class and its probability of each query."""
    if options.out is not None and not Path(options.out).parent.is_dir():
        raise ValueError(f"--out must be in a folder that exists. Received: {options.out}.")
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    if "environment" in config:
        raise ValueError(
            "`predict` is for runs on images and texts. "
            f"Received: {folder.path}, a run on {config['environment']}."
        )
    if data_kinds.is_languages(config):
        raise ValueError(
            "`predict` is for runs on images, texts with labels and tables. A run on languages "
            f"writes text: keras-meta write {folder.path} --support LINES.txt. "
            f"Received: {folder.path}, a run on languages."
        )
    if options.query is None and not data_kinds.is_table(config):
        raise ValueError(
            "--query is missing: it names what to classify. Received: --support "
            f"{options.support} alone, for a run on {config['data']}."
        )
    tensorflow_start.start(options)
    if data_kinds.is_table(config):
        _predict_table(options, folder, config)
        return
    import numpy as np

    learner = folder.read_learner()
    texts = data_kinds.is_text(config)
    support, names, query, rows = (_read_texts if texts else _read_images)(learner, config, options)
    classes, labels = np.unique(names, return_inverse=True)
    _check_ways(learner, config, options, classes)
    probabilities = _probabilities(learner, support, labels, query)
    if not learner.statistics.independent and learner.functional.batch_normalizations:
        print(
            "keras-meta: note: with batch_norm=transductive the queries are classified "
            "together, and each prediction depends on the others. Train with --batch-norm support "
            "to classify each one independently.",
            file=sys.stderr,
        )
    with _output(options.out) as file:
        writer = csv.writer(file, lineterminator="\n")
        header = [config["text"], config["label"]] if texts else ["file", "class"]
        writer.writerow([*header, "probability"])
        for name, row in zip(rows, probabilities, strict=True):
            writer.writerow([name, classes[row.argmax()], f"{row.max():.6f}"])


def _predict_table(options, folder, config):
    """Writes the value of each unknown row, and the interval around it."""
    if options.invert:
        raise ValueError("--invert is for images. Received: --invert for a run on a table.")
    from keras_meta.commands import table_predict

    rows = table_predict.predict(folder, config, options.support, options.query)
    with _output(options.out) as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _read_texts(learner, config, options):
    """Returns support texts, their labels, query texts, and what names each query."""
    from keras_meta.commands import text_data

    del learner
    if options.invert:
        raise ValueError("--invert is for images. Received: --invert for a run on texts.")
    query = text_data.read_unknown(options.query, config)
    return *text_data.read_known(options.support, config), query, query


def _read_images(learner, config, options):
    """Returns support images, their classes, query images, and what names each query."""
    from keras_meta import episodes

    size, color_mode = _image_format(learner, config)
    support, names = episodes.from_directory(options.support, size, color_mode)
    query, files = episodes.load_images(options.query, size, color_mode)
    if options.invert:
        support, query = 255 - support, 255 - query
    return support, names, query, files


def _check_ways(learner, config, options, classes):
    """Raises if the learner cannot learn this number of classes."""
    ways = config["ways"]
    if learner.variable_way or len(classes) == ways:
        return
    raise ValueError(
        f"--support must have as many classes as the run has ways, {ways}. Received: "
        f"{len(classes)} in {options.support}: {', '.join(classes[:10])}. Add or remove some, or "
        f"train with --ways {len(classes)}."
    )


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
    import numpy as np

    from keras_meta.commands import learner_building
    from keras_meta.episodes.images import scale_images

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
    probabilities = keras.ops.convert_to_numpy(outputs)
    undefined = ~np.isfinite(probabilities).all(-1)
    if undefined.any():
        raise ValueError(
            "The network gives no finite prediction of a query. A text without words needs a mean "
            "that is defined for none, `keras_meta.layers.MaskedMean`. Received: "
            f"{undefined.sum()} such of {len(undefined)}, the first of which is number "
            f"{undefined.argmax() + 1}."
        )
    return probabilities


@contextlib.contextmanager
def _output(path):
    if path is None:
        yield sys.stdout
        return
    from keras_meta.callbacks.checkpoint_file import replaced_when_complete

    with (
        replaced_when_complete(Path(path)) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file
