"""Replaced attributes come back, whatever happens."""

import threading
import types

import pytest

from keras_meta.exact.replacement import replaced, replaced_for_all


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


def test_contexts_left_in_another_order_than_entered():
    module = types.SimpleNamespace(own="before")
    first, second = (replaced_for_all([(module, "own", value)]) for value in (1, 2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert module.own == 2
    second.__exit__(None, None, None)
    assert module.own == "before"


def test_one_thread_at_a_time_is_inside():
    module = types.SimpleNamespace(own="before")
    seen = []

    def enter(value):
        with replaced([(module, "own", value)]):
            seen.append(module.own)

    with replaced([(module, "own", "new")]):
        thread = threading.Thread(target=enter, args=["other"])
        thread.start()
        thread.join(0.1)
        assert thread.is_alive() and module.own == "new"
    thread.join()
    assert seen == ["other"] and module.own == "before"


def test_another_thread_enters_what_is_replaced_for_all():
    module = types.SimpleNamespace(own="before")
    with replaced_for_all([(module, "own", "new")]):
        seen = []
        thread = threading.Thread(target=lambda: seen.append(module.own))
        thread.start()
        thread.join()
    assert seen == ["new"] and module.own == "before"
