"""Checks of arguments that the task distributions share."""

import numbers


def check_integer(name, value, minimum):
    """Checks that an argument is an integer of at least `minimum` and returns it as an `int`.

    Args:
        name: String. The argument's name, for the message.
        value: The value of the argument.
        minimum: Integer. The smallest value allowed.

    Returns:
        `value` as a Python `int`.

    Raises:
        TypeError: If `value` is not an integer.
        ValueError: If `value` is smaller than `minimum`.
    """
    # bool is an Integral in Python, but `num_shots=True` is a mistake, not one shot.
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}.")
    if value < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}. Received: {name}={value}.")
    return int(value)


def check_range(name, value):
    """Checks that an argument is a pair `(low, high)` with `low <= high`.

    Args:
        name: String. The argument's name, for the message.
        value: The value of the argument.

    Returns:
        `(low, high)` as two Python floats.

    Raises:
        ValueError: If `value` is not such a pair.
    """
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise ValueError(
            f"`{name}` must be a pair (low, high) with low <= high. Received: {name}={value!r}."
        )
    return low, high
