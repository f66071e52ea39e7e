"""An empty figure."""

import gc
import sys
import weakref

import pytest

from keras_meta import plotting


def test_it_has_the_size():
    drawing = plotting.figure((4, 3))
    assert tuple(drawing.get_size_inches()) == (4.0, 3.0) and not drawing.axes


def test_a_notebook_draws_it():
    assert plotting.figure((4, 3))._repr_png_().startswith(b"\x89PNG")


def test_nothing_else_holds_on_to_it():
    drawing = plotting.figure((4, 3))
    reference = weakref.ref(drawing)
    del drawing
    gc.collect()
    assert reference() is None


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "keras-meta\[plots\]"'):
        plotting.figure((1, 1))
