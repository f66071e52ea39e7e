"""classify your own images or texts, or predict values, given a few examples

Images: KNOWN has one folder of images per class, each with at least one image. UNKNOWN is a folder
of images. All are converted to the size and colours that the run was trained on.

Texts: KNOWN and UNKNOWN are .csv files. KNOWN has the columns of texts and labels that the run has;
UNKNOWN needs the texts alone.

Each image or text gets a class, and the probability of that class among those in KNOWN. KNOWN must
have as many classes as the run has ways. It may have any number if the learner of the run has open
ways, like ridge and prototypes.

Tables: KNOWN and UNKNOWN are .csv or .parquet files with the columns of the run; UNKNOWN lacks the
value to predict. Or all rows are in KNOWN, and the value is empty where it is unknown. Each unknown
row gets a value, and the ends of an interval that is to contain it.

With --unknown, a query that seems to have none of the classes is refused: it gets the name
`unknown` and no probability. The threshold is learned on validation tasks with queries of further
classes, and kept with the run. These tasks have as many classes as KNOWN if validation has more
than that; if not, a note says that the threshold was learned with fewer classes.
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
        "--unknown",
        nargs="?",
        const="unknown",
        metavar="NAME",
        help="refuse queries that have none of the classes; they get this name (%(const)s)",
    )
    parser.add_argument(
        "--sheet",
        metavar="FILE.html",
        help="also write a page with all images, by class (images)",
    )
    parser.add_argument(
        "--invert",
        action="store_true",
        help="invert brightness, for dark ink on paper if training had light on dark (glyphs)",
    )


def run(options):
    """Writes the class and its probability of each query."""
    for name in ("out", "sheet"):
        path = getattr(options, name)
        if path is not None and not Path(path).parent.is_dir():
            raise ValueError(f"--{name} must be in a folder that exists. Received: {path}.")
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

    from keras_meta.commands import class_prediction, prediction_data, unknown

    learner = folder.read_learner()
    texts = data_kinds.is_text(config)
    read = prediction_data.texts if texts else prediction_data.images
    support, names, query, rows = read(learner, config, options)
    classes, labels = np.unique(names, return_inverse=True)
    _check_ways(learner, config, options, classes)
    if options.unknown in classes.tolist():
        raise ValueError(
            "--unknown must not be the name of a class. Received: --unknown "
            f"{options.unknown} with such a class in {options.support}. Pass another NAME."
        )
    refusal = None
    if options.unknown is not None:
        refusal = _refusal(folder, config, learner, labels)
    logits = class_prediction.logits(learner, support, labels, query)
    _note_dependence(learner, config)
    predicted = classes[logits.argmax(-1)].tolist()
    probabilities = unknown.score("probability", logits).tolist()
    if refusal is not None:
        for k in np.flatnonzero(unknown.score(refusal["score"], logits) <= refusal["threshold"]):
            # The probability is that of a class, of which the query has none.
            predicted[k], probabilities[k] = options.unknown, None
    with _output(options.out) as file:
        writer = csv.writer(file, lineterminator="\n")
        header = [config["text"], config["label"]] if texts else ["file", "class"]
        writer.writerow([*header, "probability"])
        for row in zip(rows, predicted, probabilities, strict=True):
            writer.writerow([*row[:2], "" if row[2] is None else f"{row[2]:.6f}"])
    if options.sheet is not None:
        _write_sheet(options, folder, zip(rows, predicted, probabilities, strict=True))


def _predict_table(options, folder, config):
    """Writes the value of each unknown row, and the interval around it."""
    from keras_meta.commands import prediction_data, table_predict

    prediction_data.check_of_images(options, "a table")
    if options.unknown is not None:
        raise ValueError("--unknown is for classes. Received: --unknown for a run on a table.")
    rows = table_predict.predict(folder, config, options.support, options.query)
    with _output(options.out) as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _note_dependence(learner, config):
    """Says so if the predictions of the queries depend on each other."""
    from keras_meta.commands import transduction

    found = transduction.cause(learner, config)
    if found is not None:
        print(
            f"keras-meta: note: with {found[0]} the queries are classified together, and each "
            f"prediction depends on the others. Train with {found[1]} to classify each one "
            "independently.",
            file=sys.stderr,
        )


def _refusal(folder, config, learner, labels):
    """Returns when to refuse a query, after a note on how well that works."""
    import numpy as np

    from keras_meta.commands import unknown

    counts = np.bincount(labels)
    ways = len(counts)
    found = unknown.refusal(folder, config, learner, ways, int(counts.min()))
    note = (
        "keras-meta: note: on validation tasks of "
        f"{found['ways']} known classes with {found['shots']} examples, a known query has a "
        f"greater {found['score']} than an unknown one in {found['area_under_the_curve']:.0%} of "
        f"all pairs. Queries with at most {found['threshold']:.4g} are refused."
    )
    if found["area_under_the_curve"] < 0.6:
        # Then it is best, for as many unknown queries as known ones, to refuse nearly all.
        note += " That is hardly better than chance: train on more classes, or leave --unknown out."
    if found["ways"] < ways:
        note += (
            f" Here are {ways} classes, and validation has too few to learn a threshold for as "
            "many: too many or too few queries may be refused. Check some of them, or train on "
            "more classes."
        )
    print(note, file=sys.stderr)
    return found


def _write_sheet(options, folder, predictions):
    """Writes a page with the images of each class."""
    from keras_meta import episodes
    from keras_meta.callbacks.checkpoint_file import replaced_when_complete
    from keras_meta.commands import contact_sheet

    support = {}
    for file, name in zip(*episodes.image_files(options.support), strict=True):
        support.setdefault(str(name), []).append(str(file))
    queries = [(str(Path(options.query) / file), name, p) for file, name, p in predictions]
    with replaced_when_complete(Path(options.sheet)) as temporary:
        contact_sheet.write(temporary, f"{folder.path.name}: {options.query}", support, queries)


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
