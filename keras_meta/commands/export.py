"""writes a trained learner as a SavedModel, which needs TensorFlow alone

Its endpoints `serve`, `adapt`, `predict` and `adapt_and_predict` take any number of shots and
queries.
"""

from pathlib import Path

from keras_meta.commands.run_folder import RunFolder


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("folder", metavar="DIR", help="where to write; must be new or empty")


def run(options):
    """Exports."""
    folder = RunFolder(options.run_folder)
    folder.read_config()
    target = Path(options.folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"DIR must be new or an empty folder. Received: {target}, which is not.")
    folder.read_learner().export(target)
