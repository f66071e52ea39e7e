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


def names(text):
    """Converts to a list of names, which are separated by commas."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(
            f"must be names of columns, separated by commas. Received: {text}"
        )
    return found


def names_of(what, known):
    """Returns a converter to a list of some of the `known` names, separated by commas."""

    def convert(text):
        found = [name.strip() for name in text.split(",")]
        if not set(found) <= set(known) or len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(
                f"must be {what} among {','.join(known)}, separated by commas. Received: {text}"
            )
        return found

    return convert


def integers(minimum):
    """Returns a converter to a list of different integers, separated by commas."""

    def convert(text):
        found = [integer(minimum)(number) for number in text.split(",")]
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"must be different numbers. Received: {text}")
        return found

    return convert


def share(text):
    """Converts to a number between 0 and 1."""
    value = rate(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1. Received: {text}")
    return value


def at_least_zero(text):
    """Converts to a finite number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 0. Received: {text}")
    return value
