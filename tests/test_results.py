"""Results are figures: they hold nothing of the data, and the README has theirs."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
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


def headlines():
    """Yields the figures of each row of the README's table of results, in its order."""

    def read(name):
        return json.loads((RESULTS / f"{name}.json").read_text())

    test = read("omniglot_maml_5way_1shot")["test"]
    for_step = [(test[kind], 1) for kind in ("transductive", "support")]
    yield [100 * x[key][k] for x, k in for_step for key in ("accuracy_by_step", "half_width_95")]

    found = read("metric_learners_60way")["learners"]["PrototypicalNetwork"]
    kinds = (", rotations are classes", "")
    cases = [f"{ways}-way 1-shot{kind}" for kind in kinds for ways in (5, 20)]
    yield [100 * found[case][key] for case in cases for key in ("mean", "half_width_95")]

    found = read("cifar")["cifar-fs"]
    of_classes, of_tasks = (
        [found[name][f"5-way {shots}-shot"]["accuracy"] for shots in (1, 5)]
        for name in ("pretrain-cosines, seed 0, half precision", "prototypes, seed 0")
    )
    values = [x[key] for x in of_classes for key in ("mean", "half_width_95")]
    yield [100 * x for x in (*values, *(y["mean"] for y in of_tasks))]

    runs = read("sinusoid_maml")["runs"]
    best = min(runs, key=lambda run: run["validation_mse_after_5_steps_by_stage"][-1])
    yield [best["all_steps_alike"]["mse_by_step"][steps] for steps in (1, 5, 10)]

    seeds = [read("intents")["test"]["5-way 1-shot"][f"seed {seed}"] for seed in range(3)]
    names = ("frozen features of the same body", "tf-idf of n-grams")
    others = [seeds[0]["baselines"][name] for name in names]
    yield [100 * x["accuracy"]["mean"] for x in seeds + others]

    bits = read("languages_latin")["tables"]["by_lines"]
    names = ("maml, dynamic evaluation", "pooled, dynamic evaluation", "fine-tuned")
    yield [bits[f"{name} + n-gram"]["10"]["mean"] for name in names]

    found, case = read("recommendation"), "5 known, held back"
    ridge = found["test"]["ridge on learned embeddings"]
    errors = [ridge[f"seed {s}"][case]["mean_absolute_error"]["mean"] for s in range(3)]
    names = ("nearest neighbours", "matrix factorisation, folded in")
    others = [found["test_recommenders"][case][name] for name in names]
    yield [sum(errors) / 3, *(x["mean_absolute_error"]["mean"] for x in others)]

    area = read("in_context")["classes"]["area"]
    methods = [area[name] for name in ("in-context", "logistic (tuned)", "forest (tuned)")]
    yield [x[key] for x in methods for key in ("mean", "mean_rank")]

    runs = read("navigation")["runs"]
    yield [run[who]["mean"][1] for who in ("maml", "pooled goals") for run in runs]


def test_the_figures_of_the_readme_are_those_of_the_results():
    section = (ROOT / "README.md").read_text().partition("## Results")[2].partition("\n## ")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")][1:]
    for row, values in zip(rows, headlines(), strict=True):
        figures = re.findall(r"-?\d+\.\d+", row)
        for figure, value in zip(figures, values, strict=True):
            half_a_digit = 0.5 / 10 ** len(figure.partition(".")[2])
            assert abs(float(figure) - value) <= half_a_digit + 1e-9, (row, figure, value)
