"""Pages of the API: for each public package, its public names.

The sources are read, not imported: TensorFlow takes seconds to start.
"""

import ast
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]

PACKAGES = (
    "learners",
    "episodes",
    "episodes.augmentation",
    "episodes.datasets",
    "networks",
    "layers",
    "losses",
    "metrics",
    "baselines",
    "callbacks",
    "plotting",
    "generators",
    "environments",
    "policy_gradients",
    "statistics",
    "inner_optimizers",
    "inner_loop",
    "outer_loop",
    "heads",
    "in_context",
    "exact",
    "serving",
    "registry",
    "config",
)

_PAGE = """# keras_meta.{package}

{summary}

| name | |
|---|---|
{rows}

{sections}
"""
# A name that two packages have is described in the first of them.
_ELSEWHERE = """## {name} {{ #keras_meta.{package}.{name} }}

See [`keras_meta.{other}`]({page}.md#keras_meta.{other}).
"""
_SECTION = """<span id="keras_meta.{package}.{name}"></span>

::: {path}
"""


def public(package):
    """Returns the public names of a package, and where each is defined.

    They are those that the package defines or imports as themselves (`from a import b as b`), those
    that it takes from the registry, and, of a package that has none, those that its modules define.

    Args:
        package: str, such as `"learners"`.

    Returns:
        dict from name, relative to the package, to dotted path.
    """
    module = f"keras_meta.{package}"
    found = _declared(module)
    if "registry.of_kind" in _file(module).read_text():
        found |= {name: path for name, path in _registered() if path.startswith(f"{module}.")}
    if not found:
        for file in sorted(_file(module).parent.glob("[a-z]*.py")):
            names = _declared(f"{module}.{file.stem}")
            found |= {f"{file.stem}.{name}": path for name, path in names.items()}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def anchors():
    """Returns the anchors that the pages must have, by page."""
    return {
        f"reference/{package}.html": [f"keras_meta.{package}.{name}" for name in public(package)]
        for package in PACKAGES
    }


def write(folder):
    """Writes a page for each package."""
    folder.mkdir()
    described = {}
    for package in PACKAGES:
        rows, sections = [], []
        for name, path in public(package).items():
            rows.append(f"| [`{name}`](#keras_meta.{package}.{name}) | {_first_line(path)} |")
            here = f"{package}.{name}"
            other = described.setdefault(path, here)
            section = _SECTION if other == here else _ELSEWHERE
            page = other.rpartition(".")[0]
            sections.append(
                section.format(package=package, name=name, path=path, other=other, page=page)
            )
        # The modules of `heads` are the interface, and the package says nothing.
        summary = ast.get_docstring(_tree(f"keras_meta.{package}")) or "Heads in closed form."
        page = _PAGE.format(
            package=package, summary=summary, rows="\n".join(rows), sections="\n".join(sections)
        )
        (folder / f"{package}.md").write_text(page)


def _file(module):
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _tree(module):
    return ast.parse(_file(module).read_text())


def _declared(module):
    """Names that a module defines or imports as themselves, with their paths."""
    found = {}
    body = _tree(module).body
    # An editor's imports, under `if typing.TYPE_CHECKING`, are of names that need an extra.
    body = [*body, *(inner for node in body if isinstance(node, ast.If) for inner in node.body)]
    for node in body:
        if isinstance(node, ast.ImportFrom):
            found |= {a.name: f"{node.module}.{a.name}" for a in node.names if a.asname == a.name}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = f"{module}.{node.name}"
    return {k: v for k, v in found.items() if not k.startswith("_") and not _file(v).is_file()}


def _registered():
    """Pairs of each class that the registry names, and its path."""
    for file in sorted((ROOT / "keras_meta" / "registry").glob("*.py")):
        for module, name in re.findall(r'"(keras_meta[\w.]+):([A-Z]\w*)"', file.read_text()):
            yield name, f"{module}.{name}"


def _first_line(path):
    module, _, name = path.rpartition(".")
    for node in _tree(module).body:
        if getattr(node, "name", None) == name:
            return (ast.get_docstring(node) or "").partition("\n")[0].replace("|", "\\|")
    return "Names of classes."  # the only constants there are
