"""The sources of the site: every public name, every result, and links that lead somewhere."""

import configparser
import importlib
import importlib.util
import json
import pathlib
import re
import sys

import pytest

import keras_meta

ROOT = pathlib.Path(__file__).parents[1]
FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*?)(?: \{ #([\w.]+) \})?$", re.MULTILINE)


@pytest.fixture(scope="module")
def site():
    """The modules of `docs/site`, which is a program and not a package."""
    path = str(ROOT / "docs" / "site")
    sys.path.insert(0, path)
    names = "check example notebook_pages reference repository results tables __main__".split()
    found = {name: importlib.import_module(name) for name in names if name != "__main__"}
    spec = importlib.util.spec_from_file_location("site_main", f"{path}/__main__.py")
    found["main"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found["main"])
    yield found
    sys.path.remove(path)
    for name in found:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pages(site, tmp_path_factory):
    """All pages of the site in Markdown, by their path."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    site["main"].write(folder)
    return folder


def test_every_public_package_has_a_page(site):
    packages = {*keras_meta.__all__, "plotting", "serving"}
    packages |= {"episodes.augmentation", "episodes.datasets"}
    assert set(site["reference"].PACKAGES) == packages


def test_every_public_name_has_a_section(site, pages):
    count = 0
    for package in site["reference"].PACKAGES:
        names = site["reference"].public(package)
        text = (pages / "reference" / f"{package}.md").read_text()
        module = importlib.import_module(f"keras_meta.{package}")
        for name in names:
            assert f"keras_meta.{package}.{name}" in anchors(text)
            owner, _, attribute = name.rpartition(".")
            owner = importlib.import_module(f"{module.__name__}.{owner}") if owner else module
            assert hasattr(owner, attribute), f"{package}.{name}"
        if hasattr(module, "__all__"):
            assert set(module.__all__) <= set(names)
        count += len(names)
    assert count > 150


def test_every_name_is_described_where_it_is_defined(site):
    for package in site["reference"].PACKAGES:
        for name, path in site["reference"].public(package).items():
            module, _, attribute = path.rpartition(".")
            value = getattr(importlib.import_module(module), attribute)
            assert getattr(value, "__doc__", None), f"{package}.{name} has no docstring"


def test_every_result_has_a_page_with_its_figures(pages):
    files = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
    assert files
    for file in files:
        page = pages / "results" / f"{file.stem}.md"
        assert page.is_file()
        assert f"({file.stem}.md)" in (pages / "results" / "index.md").read_text()
    text = (pages / "results" / "sinusoid_maml.md").read_text()
    found = json.loads((ROOT / "benchmarks" / "results" / "sinusoid_maml.json").read_text())
    assert str(found["runs"][0]["all_steps_alike"]["mse_by_step"][1]) in text


def test_every_mark_of_a_table_is_filled(pages):
    for page in pages.rglob("*.md"):
        assert "<!-- table" not in page.read_text(), page.name
    choose = (pages / "guides" / "choose.md").read_text()
    assert (
        "| `PrototypicalNetwork` |" in choose and "bytes |" in choose and "\u00a0±\u00a0" in choose
    )


def test_the_speed_in_the_readme_is_that_of_the_results(site):
    table = site["tables"].speed(ROOT / "benchmarks" / "results")
    assert f"\n\n{table}\n\n" in (ROOT / "README.md").read_text()


def slug(heading):
    """The anchor of a heading, as Python-Markdown makes it."""
    plain = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]|\[|\]\(.*?\)", "", heading)).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def anchors(text):
    text = FENCE.sub("", text)
    found = {mark or slug(heading) for heading, mark in HEADING.findall(text)}
    return found | set(re.findall(r'<span id="([\w.]+)">', text))


def test_links_anchors_and_pictures_are_there(pages):
    faults, links = [], 0
    for page in pages.rglob("*.md"):
        for picture, text, target in LINK.findall(FENCE.sub("", page.read_text())):
            if target.startswith(("http://", "https://")):
                continue
            links += 1
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.is_file():
                faults.append(f"{page.relative_to(pages)}: {target}")
            elif anchor and anchor not in anchors(file.read_text()):
                faults.append(f"{page.relative_to(pages)}: no anchor {target}")
            if picture and not text:
                faults.append(f"{page.relative_to(pages)}: {target} has no description")
    assert not faults and links > 100


def test_links_to_the_repository_lead_to_files(pages):
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    address = f"{parser['metadata']['url']}/blob/main/"
    texts = {str(page.relative_to(pages)): page.read_text() for page in pages.rglob("*.md")}
    found = {name: re.findall(rf"{re.escape(address)}([^)\s#]+)", x) for name, x in texts.items()}
    assert all((ROOT / path).is_file() for paths in found.values() for path in paths)
    assert "examples/serve.py" in found["guides/service.md"]
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{notebook.name}" in found[f"notebooks/{notebook.stem}.md"]


def test_navigation_has_every_page_that_was_written(site, pages):
    navigation = set(re.findall(r": ([\w./]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    written = {str(page.relative_to(pages)) for page in pages.rglob("*.md")}
    # Pages of single results are reached from their list.
    single = {page for page in written if page.startswith("results/")} - {"results/index.md"}
    assert navigation == written - single


def test_nothing_is_fetched_from_a_network():
    text = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in text
    assert "http" not in re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def test_faults_of_a_built_site_are_found(site, tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="there">A</h1><a href="b.html#there">b</a><a href="b.html#gone">b</a>'
        '<a href="missing.html">c</a><img src="picture.png"><script src="https://x.y/z.js"></script>'
        '<a href="https://x.y">x</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="there">B</h1><a href="a.html">a</a>')
    assert sorted(site["check"].faults(tmp_path)) == [
        "a.html: a picture without a description: picture.png",
        "a.html: fetched from a network: https://x.y/z.js",
        "a.html: no such anchor: b.html#gone",
        "a.html: no such file: missing.html",
        "a.html: no such file: picture.png",
    ]
    assert site["check"].missing(tmp_path, {"a.html": ["there", "gone"], "c.html": ["x"]}) == [
        "a.html: gone is missing",
        "c.html: x is missing",
    ]


def test_an_example_becomes_text_and_code(site):
    text = '"""\nTitle: T\nAuthor: A\nDescription: D\n"""\n\n"""\n## One\n"""\n\nx = 1\n'
    page = site["example"].markdown(text)
    assert page == "# T\n\nD\n\n*By A.*\n\n## One\n\n```python\nx = 1\n```\n"
