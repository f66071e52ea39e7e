"""Which cases of a parametrised test run with each change, and which with the slow tests."""

import pytest


def quick_first(values, quick):
    """Returns `values` for `parametrize`, those that are not in `quick` marked as slow."""
    return [x if x in quick else slow(x) for x in values]


def slow(*values, **kwargs):
    """Returns a case for `parametrize` that runs with the slow tests; `kwargs` may be its `id`."""
    return pytest.param(*values, marks=pytest.mark.slow, **kwargs)
