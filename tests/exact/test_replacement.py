"""Replaced attributes come back, whatever happens."""

import types

import pytest

from keras_meta.exact.replacement import replaced


class Owner:
    inherited = "of the class"


def test_restores_attributes_of_object_and_class():
    owner, module = Owner(), types.SimpleNamespace(own="before")
    with replaced([(owner, "inherited", "new"), (module, "own", "new"), (module, "own", "newer")]):
        assert (owner.inherited, module.own) == ("new", "newer")
    assert (owner.inherited, module.own) == ("of the class", "before")
    assert vars(owner) == {}


def test_restores_after_an_error():
    module = types.SimpleNamespace(own="before")
    with pytest.raises(RuntimeError), replaced([(module, "own", "new")]):
        raise RuntimeError
    assert module.own == "before"
