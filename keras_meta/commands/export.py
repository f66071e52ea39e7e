"""write a trained learner as a SavedModel that needs only TensorFlow, or as a file for phones

OUT is a folder for the SavedModel, or a file that ends in .tflite.

The SavedModel has the endpoints `serve`, `adapt`, `predict` and `adapt_and_predict`, which take any
number of shots and queries. A policy has `initial`, `adapt` and `act` instead. After a run on
languages, the endpoints take passages of symbols: bytes of UTF-8, or for invented languages
positions in the alphabet. After a run on a table with intervals, `serve` and `adapt_and_predict`
also return the ends of the intervals, `lower` and `upper`.

The .tflite file is for LiteRT, and has the signatures `adapt` and `predict`. LiteRT needs fixed
sizes. They are those of the run's test tasks: for classes, --ways times --shots examples to learn
from, and --ways times --queries to predict at once. `learner.export` in Python writes other sizes.
"""

from pathlib import Path

from keras_meta.commands import data_kinds, folders, tensorflow_start
from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument(
        "out", metavar="OUT", help="a new or empty folder, or a new .tflite file, to write to"
    )


def run(options):
    """Exports."""
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    target = Path(options.out)
    if target.suffix == ".tflite":
        _export_for_phones(options, folder, config, target)
        return
    folders.make_empty(target, "OUT")
    tensorflow_start.start(options)
    arguments = {}
    if "environment" not in config and data_kinds.is_table(config):
        from keras_meta.commands import table_intervals

        arguments["intervals"] = table_intervals.read(folder)
    folder.read_learner().export(target, **arguments)


def _export_for_phones(options, folder, config, target):
    """Writes a .tflite file for tasks of the size of the test tasks."""
    if "environment" in config:
        raise ValueError(
            "A policy is exported as a SavedModel: name a folder as OUT. "
            f"Received: {target} for {folder.path}, a run on {config['environment']}."
        )
    if target.exists() or not target.parent.is_dir():
        raise ValueError(
            f"OUT must be a new .tflite file in a folder that exists. Received: {target}."
        )
    tensorflow_start.start(options)
    from keras_meta.commands import class_tasks

    learner, ways = folder.read_learner(), 1
    if not (data_kinds.is_regression(config) or data_kinds.is_languages(config)):
        ways = class_tasks.ways(config, "test")
    if learner.variable_way:
        learner.num_ways = ways
    sizes = {"support_size": ways * config["shots"], "query_size": ways * config["queries"]}
    learner.export(target, "litert", **sizes)
