"""The base class of environments."""

import keras
import pytest

from keras_meta import environments


class Plain(environments.Environment):
    def __init__(self, size=2, seed=0):
        self.size = size
        super().__init__((size,), environments.Continuous(size), 3, seed=seed)


class Forgetful(environments.Environment):
    def __init__(self, size=2, seed=0):
        super().__init__((size,), environments.Continuous(size), 3, seed=seed)


def test_the_configuration_is_the_arguments_of_the_constructor():
    assert Plain(5, seed=3).get_config() == {"size": 5, "seed": 3}
    loaded = Plain.from_config(Plain(5, seed=3).get_config())
    assert (loaded.size, loaded.seed, loaded.observation_shape) == (5, 3, (5,))
    with keras.saving.custom_object_scope({"Plain": Plain}):
        config = keras.saving.serialize_keras_object(Plain(7))
        assert keras.saving.deserialize_keras_object(config).size == 7


def test_an_argument_that_was_not_kept():
    with pytest.raises(NotImplementedError, match=r"Forgetful must .*no attributes \['size'\]"):
        Forgetful().get_config()


def test_what_subclasses_define():
    for method, arguments in (("sample", 2), ("reset", 2), ("step", 4)):
        with pytest.raises(NotImplementedError, match=f"Plain must .* `{method}"):
            getattr(Plain(), method)(*[None] * arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((2,), 5, 3), TypeError, "`action_space` must be .*Received: action_space=5"),
        (((0,), environments.Discrete(2), 3), ValueError, "Received: observation_shape=0"),
        (((2,), environments.Discrete(2), 3, -1), ValueError, "Received: reset_noise=-1"),
        (((2,), environments.Discrete(2), 3, 0, 0.5), TypeError, "Received: step_noise=0.5"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        environments.Environment(*arguments)
