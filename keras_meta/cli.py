"""The command line: reads the arguments, runs a command, reports its errors."""

import argparse
import sys

import keras_meta
from keras_meta.commands import demo, doctor, evaluate, export, predict, table, train, write

_COMMANDS = (demo, train, evaluate, predict, table, write, export, doctor)
# The library raises these, with a message for the user, for input that it cannot use.
_INPUT_ERRORS = (ValueError, TypeError, OSError, ImportError)


class _Parser(argparse.ArgumentParser):
    """Begins every error with the name of the program alone, whichever command it concerns."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(2, f"keras-meta: error: {message}\n")


def make_parser():
    """Returns the parser of all commands."""
    parser = _Parser(
        prog="keras-meta", description="Meta-learning: models that learn a task from few examples."
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-meta {keras_meta.__version__}"
    )
    parser.add_argument(
        "--tensorflow-threads",
        action="store_true",
        help="let TensorFlow choose its threads instead of running one task per core (slower on "
        "a CPU)",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show the Python traceback of an error"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        summary = command.__doc__.splitlines()[0]
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=command.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments=None):
    """Runs a command.

    Args:
        arguments: List of strings. Defaults to the arguments of the program.

    Returns:
        Exit status: 0, 2 if the input cannot be used, or 130 if interrupted.

    Raises:
        SystemExit: After `--help`, and if the arguments cannot be parsed.

    Example:

    ```python
    from keras_meta import cli

    status = cli.main(["evaluate", "a folder that is not there"])
    assert status == 2
    ```
    """
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("keras-meta: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        message = _message(error)
        if message is None or options.traceback:
            raise
        print(f"keras-meta: error: {message}", file=sys.stderr)
        return 2
    return 0


def _message(error):
    """The message of an error that the user can do something about; of others `None`."""
    if isinstance(error, _INPUT_ERRORS):
        return str(error)
    if isinstance(error, _memory_errors()):
        # TensorFlow puts operations before, behind and below what it says.
        reason = str(error).partition("\n")[0].rpartition("}} ")[2].partition(" [Op:")[0]
        return (
            f"There is not enough memory. Received: {reason or type(error).__name__}. Ask for "
            "fewer or smaller tasks, images or filters."
        )
    return None


def _memory_errors():
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return (MemoryError,)
    return (MemoryError, tensorflow.errors.ResourceExhaustedError)
