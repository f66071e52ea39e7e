"""Every block of Python in the pages, the docstrings and the notebooks runs."""

import importlib
import inspect
import json
import pathlib
import pkgutil
import re
import textwrap

import pytest

import keras_meta

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


def test_there_are_examples():
    assert len(EXAMPLES) > 15


@pytest.mark.parametrize("name, code", EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_docstring_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # TensorFlow has started by now; the example is for the top of a program.
    monkeypatch.setattr(keras_meta.config, "one_task_per_core", lambda cores=None: None)
    exec(compile(code, name, "exec"), {"__name__": "example"})


# By page, the blocks of Python in it: none is left out because its fence is written otherwise.
PAGES = {"README.md": 7, "docs/learner.md": 8, "docs/promises.md": 0}


def test_every_page_is_here_and_every_block_is_found():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    found = {str(page.relative_to(ROOT)): len(blocks(page.read_text())) for page in pages}
    assert found == PAGES


@pytest.mark.parametrize("page", [page for page, count in PAGES.items() if count])
def test_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras_meta.config, "one_task_per_core", lambda cores=None: None)
    namespace = {"__name__": "page"}
    for code in blocks((ROOT / page).read_text()):
        exec(compile(code, page, "exec"), namespace)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "notebook"}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), path.name, "exec"), namespace)
