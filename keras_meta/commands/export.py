"""write a trained learner as a SavedModel that needs only TensorFlow

Its endpoints `serve`, `adapt`, `predict` and `adapt_and_predict` take any number of shots and
queries. Those of a policy are `initial`, `adapt` and `act`. Those of a run on languages take
passages of symbols: the bytes of UTF-8, or for invented languages the places in the alphabet. Of
a run on a table with intervals, `serve` and `adapt_and_predict` return their ends too, `lower` and
`upper`.
"""

from pathlib import Path

from keras_meta.commands import data_kinds, folders, tensorflow_start
from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("folder", metavar="DIR", help="a new or empty folder to write to")


def run(options):
    """Exports."""
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    target = Path(options.folder)
    folders.make_empty(target, "DIR")
    tensorflow_start.start(options)
    options = {}
    if "environment" not in config and data_kinds.is_table(config):
        from keras_meta.commands import table_intervals

        options["intervals"] = table_intervals.read(folder)
    folder.read_learner().export(target, **options)
