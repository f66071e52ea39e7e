"""No module but `exact/private.py` reaches for what Keras or TensorFlow do not promise."""

import ast
import importlib
import pathlib

import keras
import pytest

import keras_meta

PACKAGE = pathlib.Path(keras_meta.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
PRIVATE_PACKAGES = ("keras.src", "tensorflow.python", "tensorflow.compiler", "tensorflow.core")
# Underscored only so as not to clash with the fields of a named tuple.
PUBLIC = {"_asdict", "_fields", "_make", "_replace"}
# Names without an underscore that a release may change all the same.
FRAGILE = {
    "seed_generator_state",
    "lora_",
    "lora_enabled",
    "renorm",
    "train_function",
    "test_function",
    "predict_function",
}
# Attributes that these classes of Keras give their objects.
OF_OBJECTS = {
    keras.Model: set(vars(keras.Sequential())),
    keras.layers.Layer: set(vars(keras.layers.Layer())),
    keras.metrics.Metric: set(vars(keras.metrics.Mean())),
    keras.losses.Loss: set(vars(keras.losses.MeanSquaredError())),
    keras.callbacks.Callback: set(vars(keras.callbacks.Callback())),
}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def is_own(node):
    """Whether this is `self`, `cls` or `super()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def is_private_import(module, names):
    paths = [module, *(f"{module}.{name}" for name in names)]
    return any(is_private(part) for path in paths for part in path.split(".")) or any(
        path == private or path.startswith(private + ".")
        for private in PRIVATE_PACKAGES
        for path in paths
    )


def is_reach(node):
    """Whether a node reaches for a private or fragile name of another object or package."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value in FRAGILE
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:  # what `replaced` puts in its place
        owner, name = map(ast.unparse, node.elts[:2])
        return owner.startswith(("tf.", "keras.")) and name.startswith("'")
    if isinstance(node, ast.Attribute):
        if ast.unparse(node) == "os._exit":  # public, in spite of its name
            return False
        return node.attr == "renorm" or is_private(node.attr) and not is_own(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return (
            node.func.id in ("getattr", "hasattr", "setattr", "delattr")
            and isinstance(node.args[1], ast.Constant)
            and is_private(node.args[1].value)
            and not is_own(node.args[0])
        )
    if isinstance(node, ast.Import):
        return any(is_private_import(name.name, []) for name in node.names)
    if isinstance(node, ast.ImportFrom):
        return is_private_import(node.module or "", [name.name for name in node.names])
    return False


def inherited(cls):
    """The private names that a class has from Keras."""
    names = {
        name
        for base in cls.__mro__
        if base.__module__.partition(".")[0] == "keras"
        for name in vars(base)
    }
    names.update(*(of for base, of in OF_OBJECTS.items() if issubclass(cls, base)))
    return set(filter(is_private, names))


def private_names(tree, namespace):
    """Yields the nodes that reach for a private name, as source.

    Args:
        tree: The syntax tree of a module.
        namespace: Its variables.
    """
    for node in ast.walk(tree):
        if is_reach(node):
            yield f"line {node.lineno}: {ast.unparse(node)}"
    for definition in tree.body:
        if not isinstance(definition, ast.ClassDef):
            continue
        # Used or defined, a name that Keras gave our class is one of Keras's.
        names = inherited(namespace[definition.name])
        for node in ast.walk(definition):
            used = isinstance(node, ast.Attribute) and is_own(node.value) and node.attr in names
            defined = isinstance(node, ast.FunctionDef) and node.name in names
            if used or defined:
                yield f"line {node.lineno}: {ast.unparse(node).splitlines()[0]}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_reaches_for_no_private_name(module):
    name = "keras_meta." + module.removesuffix(".py").replace("/", ".")
    namespace = {} if name.endswith("__main__") else vars(importlib.import_module(name))
    found = list(private_names(ast.parse((PACKAGE / module).read_text()), namespace))
    if module == "exact/private.py":
        assert found
    else:
        assert found == []


OWN_MODEL = """
import keras

class OwnModel(keras.Model):
    def {}(self):
        return {}
"""


def found_in(source):
    namespace = {}
    if source.startswith("\nimport keras\n"):
        exec(source, namespace)
    return list(private_names(ast.parse(source), namespace))


@pytest.mark.parametrize(
    "source",
    [
        "model._layers",
        "self.model._flatten_layers()",
        "getattr(model, '_inputs_struct', None)",
        "variable.path.endswith('seed_generator_state')",
        "replaced([(tf.nn, 'moments', exact_moments)])",
        "layer.renorm",
        "import keras.src",
        "from keras.src.layers import Dense",
        "from tensorflow import python",
        "from tensorflow.python.framework import ops",
        "from keras_meta.exact.replacement import _inside",
        OWN_MODEL.format("_maybe_symbolic_build", "1"),
        OWN_MODEL.format("own", "self._flatten_layers()"),
        OWN_MODEL.format("own", "super()._flatten_layers()"),
        OWN_MODEL.format("own", "self._distribute_strategy"),
    ],
)
def test_finds(source):
    assert len(found_in(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._own",
        "cls._own",
        "hasattr(self, '_own')",
        "output._replace(a=1)",
        "model.__class__",
        "import keras",
        "from keras_meta.exact import private",
        OWN_MODEL.format("_own", "super()._own + self._other"),
    ],
)
def test_lets_pass(source):
    assert found_in(source) == []
