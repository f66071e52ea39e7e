"""write a trained learner as a SavedModel that needs only TensorFlow

Its endpoints `serve`, `adapt`, `predict` and `adapt_and_predict` take any number of shots and
queries. Those of a policy are `initial`, `adapt` and `act`. Those of a run on languages take
passages of symbols: the bytes of UTF-8, or for invented languages the places in the alphabet.
"""

from pathlib import Path

from keras_meta.commands import folders, tensorflow_start
from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("folder", metavar="DIR", help="a new or empty folder to write to")


def run(options):
    """Exports."""
    folder = RunFolder(options.run_folder)
    folder.read_config()
    target = Path(options.folder)
    folders.make_empty(target, "DIR")
    tensorflow_start.start(options)
    folder.read_learner().export(target)
