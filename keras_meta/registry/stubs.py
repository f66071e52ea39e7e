"""What an editor is told of packages whose members the registry lists."""

import ast
import pathlib

from keras_meta import registry

_KINDS = {"learners": ("learner", "policy"), "statistics": ("statistics",)}
PACKAGES = ("", *_KINDS)


def file(package):
    """Returns the path of the stub of a package of `PACKAGES`."""
    return pathlib.Path(__file__).parents[1] / package / "__init__.pyi"


def stub(package):
    """Returns the stub of a package: all that it has, as imports.

    Args:
        package: One of `PACKAGES`; `""` is `keras_meta` itself.

    Returns:
        str.
    """
    tree = ast.parse(file(package).with_suffix(".py").read_text())
    if not package:
        (public,) = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        ]
        lines = [f"from keras_meta import {name} as {name}" for name in ast.literal_eval(public)]
        return "\n".join([*lines, "", "__version__: str", ""])
    own = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {(node.module, x.name) for node in own for x in node.names if x.asname == x.name}
    rows = [row for kind in _KINDS[package] for row in registry.of_kind(kind)]
    names |= {tuple(row.path.split(":")) for row in rows}
    lines = [f"from {module} import {name} as {name}" for module, name in sorted(names)]
    functions = [x for x in tree.body if isinstance(x, ast.FunctionDef) and x.name[0] != "_"]
    lines += [f"def {x.name}({ast.unparse(x.args)}): ..." for x in functions]
    return "\n".join([*lines, ""])
