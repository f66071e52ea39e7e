"""predict a column of a table from a table in which it is known, without training

Both files are .csv or .parquet. The columns that both have are used as they are, with numbers,
categories and missing values. The output has a row for each row of TEST, in the same order: a class
and the probability of each class, or a number and the ends of an interval that is to contain nine
of ten true values.

Columns of TEST that are not used come first, unchanged: those that TRAIN lacks, and those of
--ignore. So with `--ignore id`, each prediction stands beside its id.

The network has learned, from synthetic tables, how to learn from a table: see
keras_meta.in_context. It takes up to 1,000 known rows, 50 columns and 10 classes.
"""

import contextlib
import csv
import sys

from keras_meta.commands.argument_types import integer, names
from keras_meta.in_context.limits import MAX_CLASSES


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("train", metavar="TRAIN", help="file of rows whose target is known")
    parser.add_argument("test", metavar="TEST", help="file of rows to predict")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--ignore",
        type=names,
        default=[],
        metavar="A,B",
        help="columns not to predict from, such as an id",
    )
    parser.add_argument(
        "--as",
        dest="kind",
        choices=["classes", "numbers"],
        help="what the target is (default: numbers, if it has more than "
        f"{MAX_CLASSES} different ones)",
    )
    parser.add_argument(
        "--members", type=integer(1), default=8, help="predictions to average (default: 8)"
    )
    parser.add_argument("--weights", metavar="FILE.npz", help="weights of a network of your own")
    parser.add_argument("--out", metavar="FILE.csv", help="(default: standard output)")


def run(options):
    """Writes the predictions."""
    from keras_meta.commands import table_in_context

    rows = table_in_context.predictions(options)
    with contextlib.ExitStack() as stack:
        file = sys.stdout
        if options.out is not None:
            file = stack.enter_context(open(options.out, "w", newline=""))
        csv.writer(file, lineterminator="\n").writerows(rows)
