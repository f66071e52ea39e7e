"""Attributes whose values are baked into compiled steps."""


class GraphConstant:
    """A plain attribute; assigning to it makes the learner retrace its compiled steps.

    Args:
        check: Callable that takes a value and returns it, or raises a `ValueError`.
    """

    def __init__(self, check=lambda value: value):
        self.check = check

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance.__dict__.get(f"_{self.name}")

    def __set__(self, instance, value):
        instance.__dict__[f"_{self.name}"] = self.check(value)
        instance.forget_traces()


def one_of(name, allowed):
    """Returns a check that a value is among `allowed`."""

    def check(value):
        if value not in allowed:
            raise ValueError(
                f"`{name}` must be one of {list(allowed)}. Received: {name}={value!r}."
            )
        return value

    return check


def count(name, optional=False, least=0):
    """Returns a check that a value is an integer of at least `least`, or `None` if optional."""

    def check(value):
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            alternative = " or None" if optional else ""
            raise ValueError(
                f"`{name}` must be an integer >= {least}{alternative}. Received: {name}={value!r}."
            )
        return value

    return check


def non_negative(name):
    """Returns a check that a value is a finite number of at least 0."""

    def check(value):
        valid = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not valid or not 0 <= value < float("inf"):
            raise ValueError(f"`{name}` must be a finite number >= 0. Received: {name}={value!r}.")
        return float(value)

    return check


def positive(name):
    """Returns a check that a value is a finite number above 0."""

    def check(value):
        value = non_negative(name)(value)
        if value == 0:
            raise ValueError(f"`{name}` must be a number > 0. Received: {name}={value!r}.")
        return value

    return check
