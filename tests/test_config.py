"""Settings for a CPU, and the hint that they are missing."""

import warnings

import pytest

from keras_meta import config


@pytest.mark.parametrize(
    "threads, gpus, hinted", [(0, [], True), (4, [], True), (1, [], False), (0, ["a GPU"], False)]
)
def test_the_hint_comes_once_and_where_it_helps(threads, gpus, hinted, monkeypatch):
    monkeypatch.setattr(config, "_hinted", False)
    monkeypatch.setattr(config.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(
        config.tf.config.threading, "get_intra_op_parallelism_threads", lambda: threads
    )
    monkeypatch.setattr(config.tf.config, "list_physical_devices", lambda kind: gpus)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config.hint_once()
        config.hint_once()
    assert [str(w.message).startswith("On a CPU") for w in caught] == [True] * hinted
