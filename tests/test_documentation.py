"""Every block of Python in the pages, the docstrings and the notebooks runs."""

import configparser
import importlib
import inspect
import json
import pathlib
import pkgutil
import re
import runpy
import textwrap

import pytest

import keras_meta
from tests.quick import quick_first

ROOT = pathlib.Path(__file__).parents[1]
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def blocks(text):
    return [textwrap.dedent(match[2]) for match in BLOCK.finditer(text)]


def docstring_examples():
    """Yields `(name, code)` for each example of a public object, where it is defined."""
    names = [m.name for m in pkgutil.walk_packages(keras_meta.__path__, "keras_meta.")]
    for name in names:
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if getattr(value, "__module__", None) != name or not inspect.getdoc(value):
                continue
            for code in blocks(inspect.getdoc(value)):
                yield f"{name}.{attribute}", code


EXAMPLES = list(docstring_examples())


# Examples of objects whose own tests run the same code: they run with the slow tests.
EXPENSIVE = {
    f"keras_meta.{name}"
    for name in (
        "baselines.comparison.compare",
        "baselines.distillation.Distillation",
        "baselines.dynamic_evaluation.DynamicEvaluation",
        "baselines.fine_tuning.FineTuning",
        "baselines.mixed_predictions.MixedPredictions",
        "baselines.pretraining.pretrain_classifier",
        "callbacks.adaptation_curve_logger.AdaptationCurveLogger",
        "callbacks.task_images.TaskImages",
        "callbacks.best_weights.BestWeights",
        "callbacks.validation.Validation",
        "learners.baseline.Baseline",
        "learners.cnaps.CNAPs",
        "learners.discriminant_learner.DiscriminantLearner",
        "learners.ensemble.Ensemble",
        "learners.implicit_maml.ImplicitMAML",
        "learners.learner_generator.LearnerGenerator",
        "learners.logistic_learner.LogisticLearner",
        "learners.maml_plus_plus.MAMLPlusPlus",
        "learners.matching_network.MatchingNetwork",
        "learners.policy_gradient_maml.PolicyGradientMAML",
        "learners.proto_maml.ProtoMAML",
        "learners.prototypical_network.PrototypicalNetwork",
        "learners.reptile.Reptile",
        "learners.sharp_maml.SharpMAML",
        "learners.svm_learner.SVMLearner",
        "learners.transductive_prototypes.TransductivePrototypes",
        "policy_gradients.outer_rules.PPO",
        "policy_gradients.outer_rules.PolicyGradient",
        "policy_gradients.trust_region.TRPO",
    )
}


def test_there_are_examples():
    names = {name for name, _ in EXAMPLES}
    assert len(names) > 15 and names >= EXPENSIVE


@pytest.mark.parametrize(
    "name, code",
    [
        pytest.param(name, code, id=name, marks=pytest.mark.slow if name in EXPENSIVE else [])
        for name, code in EXAMPLES
    ],
)
def test_docstring_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # TensorFlow has started by now; the example is for the top of a program.
    monkeypatch.setattr(keras_meta.config, "one_task_per_core", lambda cores=None: None)
    exec(compile(code, name, "exec"), {"__name__": "example"})


# By page, the blocks of Python in it: none is left out because its fence is written otherwise.
# Blocks marked `py` are code for other libraries, which is shown beside that for this one.
PAGES = {
    "README.md": 1,
    "docs/index.md": 1,
    "docs/five_minutes.md": 5,
    "docs/layout.md": 0,
    "docs/learner.md": 8,
    "docs/promises.md": 0,
    "docs/summary.md": 0,
    "docs/guides/batch_norm.md": 1,
    "docs/guides/choose.md": 1,
    "docs/guides/command_line.md": 0,
    "docs/guides/environments.md": 2,
    "docs/guides/generators.md": 1,
    "docs/guides/images.md": 2,
    "docs/guides/in_context.md": 4,
    "docs/guides/learners.md": 0,
    "docs/guides/machines.md": 2,
    "docs/guides/porting.md": 4,
    "docs/guides/resume.md": 1,
    "docs/guides/second_derivatives.md": 4,
    "docs/guides/service.md": 3,
    "docs/guides/speed.md": 0,
    "docs/guides/tables.md": 3,
    "docs/guides/text.md": 1,
    "docs/guides/training.md": 3,
}


def test_every_page_is_here_and_every_block_is_found():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    found = {str(page.relative_to(ROOT)): blocks(page.read_text()) for page in pages}
    assert {page: len(codes) for page, codes in found.items()} == PAGES
    for page, codes in found.items():
        for code in codes:
            compile(code, page, "exec")


def repository():
    """The repository's address, as setup.cfg has it, without `https://github.com/`."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser["metadata"]["url"].removeprefix("https://github.com/")


def test_the_readme_is_short_and_can_be_read_elsewhere():
    """A package index shows it without the files that are beside it here."""
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    # Other forms of links would not be found below.
    assert not re.search(r"^ *\[[^]]+\]:|\]\[|<(?:a|img)\b|<!--", text, re.MULTILINE)
    links = re.findall(r"(!?)\[[^]]+\]\(([^)]+)\)", text)
    assert len(links) == text.count("](") and sum(bool(mark) for mark, _ in links) == 1
    page, picture = (
        re.compile(rf"https://{host}/{repository()}/{folder}main/(.+)")
        for host, folder in (
            (r"github\.com", "(?:blob|tree)/"),
            (r"raw\.githubusercontent\.com", ""),
        )
    )
    for mark, link in links:
        match = (picture if mark else page).fullmatch(link)
        assert match and (ROOT / match[1]).exists(), link


def test_the_commands_of_the_readme_are_those_of_make():
    """Without `make`, a reader types what `make demo` and `make test` do."""
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"\nmake {target} " in text
        (recipe,) = re.findall(rf"^{target}: \S+\n\t(.+)$", makefile, re.MULTILINE)
        assert f"\n{recipe.replace('$(BIN)', '.venv/bin')}\n" in text
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    "page",
    quick_first(
        [page for page, count in PAGES.items() if count],
        [
            "README.md",
            "docs/guides/environments.md",
            "docs/guides/generators.md",
            "docs/guides/second_derivatives.md",
            "docs/guides/tables.md",
            "docs/guides/training.md",
        ],
    ),
)
def test_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras_meta.config, "one_task_per_core", lambda cores=None: None)
    namespace = {"__name__": "page"}
    for code in blocks((ROOT / page).read_text()):
        exec(compile(code, page, "exec"), namespace)


NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "notebook"}
    path = ROOT / "notebooks" / f"{name}.ipynb"
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), path.name, "exec"), namespace)


# How large the example is, and how large it is when the tests run it.
SMALL = {
    "num_classes = 300": "num_classes = 10",
    "steps_per_epoch = 100": "steps_per_epoch = 2",
    "epochs = 5\n": "epochs = 1\n",
    "num_test_batches = 20": "num_test_batches = 1",
}


@pytest.mark.slow
def test_example_runs(tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras_meta.config, "one_task_per_core", lambda cores=None: None)
    code = (ROOT / "examples" / "few_shot_characters.py").read_text()
    assert len(code.splitlines()) <= 300
    for large, small in SMALL.items():
        assert large in code
        code = code.replace(large, small)
    namespace = {"__name__": "example"}
    exec(compile(code, "few_shot_characters.py", "exec"), namespace)
    assert namespace["agree"]


@pytest.mark.slow
def test_animation_is_drawn(tmp_path):
    image = pytest.importorskip("PIL.Image")
    program = runpy.run_path(str(ROOT / "docs" / "pictures" / "one_step.py"), run_name="drawn")
    program["draw"](program["trained"](50), tmp_path)
    with image.open(tmp_path / "one_step.gif") as animation:
        assert animation.n_frames > 30
    assert (tmp_path / "one_step.png").is_file()


def test_pictures_that_are_committed_are_small():
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.gif"))
    assert pictures and all(file.stat().st_size < 1_000_000 for file in pictures)
