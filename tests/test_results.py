"""Results are figures: they hold nothing of the data that they were measured on."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parents[1] / "benchmarks" / "results"
# Names of methods and settings are shorter, or are in no text.
SHORTEST = 30


def strings(value):
    """All strings in a JSON value."""
    if isinstance(value, str):
        return {" ".join(value.split())}
    if isinstance(value, dict):
        return set().union(*map(strings, value.values()))
    return set().union(*map(strings, value)) if isinstance(value, list) else set()


def test_no_text_of_a_data_set_is_in_a_result(data_folder):
    texts = [file.read_text() for file in (data_folder / "udhr").glob("*.txt")]
    texts += strings(json.loads((data_folder / "clinc150" / "data_full.json").read_text()))
    texts.append((data_folder / "goodbooks" / "books.csv").read_text())
    everything = " ".join(" ".join(text.split()) for text in texts)
    found = set()
    for file in RESULTS.glob("*.json"):
        long = {text for text in strings(json.loads(file.read_text())) if len(text) >= SHORTEST}
        found |= {(file.name, text) for text in long if text in everything}
    assert found == set()


def test_no_key_comes_twice():
    """A reader would get the last of them, and lose the others."""

    def unique(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{file.name}: {keys}"
        return dict(pairs)

    for file in RESULTS.glob("*.json"):
        json.loads(file.read_text(), object_pairs_hook=unique)
