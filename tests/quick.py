"""Which cases of a parametrised test run with each change, and which with the slow tests."""

import pytest


def quick_first(values, quick):
    """Returns `values` for `parametrize`, those that are not in `quick` marked as slow."""
    return [pytest.param(x, marks=[] if x in quick else pytest.mark.slow) for x in values]
