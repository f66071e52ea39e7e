"""Attributes replaced for the length of one call."""

import contextlib
import threading

# What is replaced may belong to one layer, so two threads (two replicas being traced, two requests
# being served) must not be inside at once.
_inside = threading.RLock()
_changing = threading.Lock()
_stacks = {}  # (id of the object, attribute name): the value before, and those put in its place
_ABSENT = object()


@contextlib.contextmanager
def replaced(replacements):
    """Context in which attributes of objects have other values, for one thread at a time.

    Args:
        replacements: List of triples `(object, attribute name, value)`.
    """
    with _inside, replaced_for_all(replacements):
        yield


@contextlib.contextmanager
def replaced_for_all(replacements):
    """Context in which attributes have other values, for every thread.

    Threads may enter and leave in any order: an attribute has the value of the one that entered
    last among those that are still inside, and its own when all have left.

    Args:
        replacements: List of triples `(object, attribute name, value)`.
    """
    entered = []
    try:
        for owner, name, value in replacements:
            entered.append((owner, name, _enter(owner, name, value)))
        yield
    finally:
        for place in reversed(entered):
            _leave(*place)


def _enter(owner, name, value):
    """Puts a value in place of an attribute. Returns what to give to `_leave`."""
    entry = [value]
    with _changing:
        key = id(owner), name
        before, entries = _stacks.setdefault(key, (vars(owner).get(name, _ABSENT), []))
        entries.append(entry)
        # Not `setattr`, by which a Keras layer would track the value as its own.
        vars(owner)[name] = value
    return entry


def _leave(owner, name, entry):
    with _changing:
        before, entries = _stacks[id(owner), name]
        position = next(i for i, other in enumerate(entries) if other is entry)
        del entries[position]
        if not entries:
            del _stacks[id(owner), name]
        value = entries[-1][0] if entries else before
        if value is _ABSENT:  # the class defines it, not the object
            del vars(owner)[name]
        else:
            vars(owner)[name] = value
