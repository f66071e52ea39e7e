"""Converters of numbers on the command line, which check what they convert."""

import argparse
import math


def integer(minimum):
    """Returns a converter to an integer of at least `minimum`, for `add_argument(type=...)`."""

    def convert(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < minimum:
            raise argparse.ArgumentTypeError(
                f"must be an integer of at least {minimum}. Received: {text}"
            )
        return value

    return convert


def rate(text):
    """Converts to a learning rate, a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0. Received: {text}")
    return value
