"""The command line: reads the arguments, starts a command, words its errors."""

import argparse
import os
import sys

from keras_meta.commands import demo, evaluate, export, predict, train

_COMMANDS = (demo, train, evaluate, predict, export)


class _Parser(argparse.ArgumentParser):
    """Errors begin with the program's name alone, whichever command they are about."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(2, f"keras-meta: error: {message}\n")


def make_parser():
    """Returns the parser of all commands."""
    parser = _Parser(
        prog="keras-meta", description="Meta-learning: models that learn a task from few examples."
    )
    parser.add_argument(
        "--tensorflow-threads",
        action="store_true",
        help="leave threads to TensorFlow, instead of one task per core (slower on a CPU)",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the program an error arose"
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
        arguments: List of strings. Defaults to those that the program was started with.

    Returns:
        Exit status: 0, or 2 if the input is at fault, or 130 if interrupted.

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
    _start_tensorflow(options)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("keras-meta: interrupted", file=sys.stderr)
        return 130
    # These are what the library raises for input that it cannot use, with a message for the user.
    except (ValueError, TypeError, OSError, ImportError) as error:
        if options.traceback:
            raise
        print(f"keras-meta: error: {error}", file=sys.stderr)
        return 2
    return 0


def _start_tensorflow(options):
    # What TensorFlow has to say is for programmers, not for a user of this program.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    from keras_meta import config

    tf.get_logger().setLevel("ERROR")
    if options.tensorflow_threads:
        return
    try:
        config.one_task_per_core()
    except RuntimeError:
        # Called from a program in which TensorFlow runs already: its threads are not ours to set.
        pass
