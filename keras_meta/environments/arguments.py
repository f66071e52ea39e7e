"""Checks of arguments that the environments share."""

import math
import numbers


def check_number(name, value, positive=False):
    """Checks that an argument is a finite number of at least 0 and returns it as a `float`.

    Args:
        name: str. The argument's name, for the message.
        value: The value of the argument.
        positive: bool. Whether 0 is excluded.

    Returns:
        `value` as a Python `float`.

    Raises:
        ValueError: If `value` is not such a number.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and value >= 0) or (positive and value == 0):
        kind = "a positive number" if positive else "a number of at least 0"
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value!r}.")
    return float(value)
