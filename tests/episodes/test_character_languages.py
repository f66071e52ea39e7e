"""Windows of text: from the right lines, in order, without overlap, a function of the seed."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes import CharacterLanguages, Characters

RANDOM = np.random.default_rng(0)


def numbered(language, lines=40, longest=30):
    """Lines in which every character tells its language, by its hundreds, and its line."""
    return [
        chr(1000 * (language + 1) + line) * int(RANDOM.integers(5, longest))
        for line in range(lines)
    ]


LINES = {name: numbered(i) for i, name in enumerate("abc")}
CODEC = Characters.of_texts(["\n", *(line for lines in LINES.values() for line in lines)])


def tasks(number=20, **kwargs):
    settings = {"num_shots": 3, "num_queries": 2, "length": 20, "codec": CODEC, **kwargs}
    source = CharacterLanguages(kwargs.pop("lines", LINES), **settings)
    return source, source.sample(0, number)


def lines_of(windows):
    """The languages and lines that windows `[n, time]` are from."""
    text = CODEC.decode(windows).replace("\n", "")
    return {(ord(c) // 1000 - 1, ord(c) % 1000) for c in text}


def test_labels_are_the_next_symbols():
    _, (inputs, query_y) = tasks()
    for x, y in ((inputs["support_x"], inputs["support_y"]), (inputs["query_x"], query_y)):
        assert x.dtype == y.dtype == "int32" and x.shape[2] == 20
        np.testing.assert_array_equal(x[..., 1:], y[..., :-1])


def test_support_and_queries_are_from_different_lines_of_one_language():
    source, (inputs, query_y) = tasks(200)
    seen = set()
    for task in range(200):
        support = lines_of(inputs["support_x"][task]) | lines_of(inputs["support_y"][task])
        query = lines_of(inputs["query_x"][task]) | lines_of(query_y[task])
        assert len({language for language, _ in support | query}) == 1
        assert not support & query
        language = int(source.languages(task, 1)[0])
        assert source.names[language] == "abc"[next(iter(support))[0]]
        seen |= support
    assert len(seen) > 100  # lines are not always on the same side


def test_windows_are_those_of_the_text_in_its_order():
    text = "".join(map(chr, range(100, 1100)))
    source = CharacterLanguages(
        {"a": [text]}, 10, 5, 60, query_lines={"a": [text[::-1]]}, codec=Characters(text)
    )
    inputs, query_y = source.sample(0, 30)
    windows = np.concatenate([inputs["support_x"], inputs["support_y"][..., -1:]], -1)
    np.testing.assert_array_equal(np.diff(windows), 1)  # consecutive characters
    assert (windows[:, 1:, 0] > windows[:, :-1, -1]).all()  # in order, without overlap
    np.testing.assert_array_equal(np.diff(query_y), -1)
    assert len(np.unique(windows[:, 0, 0])) > 10


def test_lines_for_queries():
    other = {name: numbered(i + 5) for i, name in enumerate("abc")}
    texts = [line for lines in (*LINES.values(), *other.values()) for line in lines]
    codec = Characters.of_texts(["\n", *texts], size=400)
    source = CharacterLanguages(LINES, 3, 2, 20, query_lines=other, codec=codec, in_turn=True)
    inputs, query_y = source.sample(4, 6)
    np.testing.assert_array_equal(source.languages(4, 6), [1, 2, 0, 1, 2, 0])
    for task, language in enumerate([1, 2, 0, 1, 2, 0]):
        for windows, base in ((inputs["support_y"], 0), (query_y, 5)):
            text = codec.decode(windows[task]).replace("\n", "")
            assert {ord(c) // 1000 - 1 for c in text} == {language + base}


def test_a_task_is_a_function_of_seed_and_number():
    source, (inputs, _) = tasks(6)
    again, _ = CharacterLanguages(LINES, 3, 2, 20, codec=CODEC).sample(4, 2)
    np.testing.assert_array_equal(inputs["query_x"][4:], again["query_x"])
    other, _ = CharacterLanguages(LINES, 3, 2, 20, codec=CODEC, seed=1).sample(4, 2)
    assert (other["query_x"] != again["query_x"]).numpy().any()
    batch, _ = next(iter(source.as_dataset(2, start=2)))
    np.testing.assert_array_equal(batch["support_x"], inputs["support_x"][4:])


def test_every_language_is_drawn():
    source, _ = tasks(1)
    counts = np.bincount(source.languages(0, 3000), minlength=3)
    assert (abs(counts - 1000) < 120).all()


def test_bytes_are_the_default():
    source = CharacterLanguages({"a": ["žluťoučký kůň " * 9] * 4}, 2, 1, 16)
    assert source.codec.utf_8
    inputs, _ = source.sample(0, 1)
    assert tf.reduce_max(inputs["support_x"]) > 127


@pytest.mark.parametrize(
    "lines, kwargs, message",
    [
        ({}, {}, "`lines` must have the lines of each language"),
        ({"a": ["x" * 99]}, {"query_lines": {"b": []}}, r"languages \['a'\] and \['b'\]"),
        ({"a": ["x" * 99, "y" * 99]}, {"length": 64}, "too little in 1 of 1 languages: 'a'"),
        ({"a": ["x" * 999]}, {}, r"too little in 1 of 1 languages: 'a' \(0/1000\)"),
        ({"a": []}, {}, r"'a' \(0/0\)"),
        (
            {"a": ["x" * 999]},
            {"query_lines": {"a": ["y" * 30]}},
            r"for the queries of a task, 42 symbols.*'a' \(31\)",
        ),
    ],
)
def test_too_little_text(lines, kwargs, message):
    with pytest.raises(ValueError, match=message):
        CharacterLanguages(lines, **{"num_shots": 3, "num_queries": 2, "length": 20, **kwargs})
