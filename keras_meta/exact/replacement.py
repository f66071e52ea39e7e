"""Attributes replaced for the length of one call."""

import contextlib
import threading

# What is replaced belongs to shared objects, so two threads (two replicas being traced, two
# requests being served) must not be inside at once.
_lock = threading.RLock()
_ABSENT = object()


@contextlib.contextmanager
def replaced(replacements):
    """Context in which attributes of objects have other values.

    Args:
        replacements: List of triples `(object, attribute name, value)`.
    """
    with _lock:
        before = []
        try:
            for owner, name, value in replacements:
                before.append((owner, name, vars(owner).get(name, _ABSENT)))
                # Not `setattr`, by which a Keras layer would track the value as its own.
                vars(owner)[name] = value
            yield
        finally:
            for owner, name, value in reversed(before):
                if value is _ABSENT:  # the class defines it, not the object
                    del vars(owner)[name]
                else:
                    vars(owner)[name] = value
