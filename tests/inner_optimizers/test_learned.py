"""The specification of a learned setting."""

import keras
import pytest

from keras_meta.inner_optimizers import Learned


def test_defaults():
    spec = Learned(1)
    assert (spec.initial, spec.per, spec.per_step, spec.constraint) == (1.0, "all", False, None)


def test_configuration():
    spec = Learned(0.1, "layer", True, "non_neg")
    assert isinstance(spec.constraint, keras.constraints.NonNeg)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(spec))
    assert (copy.initial, copy.per, copy.per_step) == (0.1, "layer", True)
    assert isinstance(copy.constraint, keras.constraints.NonNeg)


@pytest.mark.parametrize("initial", ["fast", None, True])
def test_the_initial_value_is_a_number(initial):
    with pytest.raises(ValueError, match="`initial` must be a number. Received: initial="):
        Learned(initial)


def test_the_groupings():
    with pytest.raises(ValueError, match="must be one of .'all', 'layer'.*per='neuron'"):
        Learned(0.1, per="neuron")
