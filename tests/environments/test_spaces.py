"""The actions that an environment takes."""

import pytest

from keras_meta import environments


def test_spaces_are_equal_by_their_sizes():
    assert environments.Continuous(2) == environments.Continuous(2) != environments.Continuous(3)
    assert environments.Discrete(2) != environments.Continuous(2)


@pytest.mark.parametrize(
    ("space", "name"), [(environments.Continuous, "size"), (environments.Discrete, "num_actions")]
)
def test_wrong_sizes(space, name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0."):
        space(0)
    with pytest.raises(TypeError, match=f"Received: {name}=2.5."):
        space(2.5)
