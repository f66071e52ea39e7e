"""The archives of a release, which `make dist` writes: what must be in them, and what must not."""

import pathlib
import tarfile
import zipfile

import pytest

import keras_meta

ROOT = pathlib.Path(__file__).parents[1]
DIST = ROOT / "dist"
NAME = f"keras_meta-{keras_meta.__version__}"
MODULES = {
    str(path.relative_to(ROOT))
    for kind in ("*.py", "*.pyi")
    for path in (ROOT / "keras_meta").rglob(kind)
}


def archive(suffix):
    found = sorted(DIST.glob(f"{NAME}*{suffix}"))
    if not found:
        pytest.skip("there are no archives: make dist")
    return found[0]


def test_wheel_has_the_package_its_licence_and_nothing_else():
    with zipfile.ZipFile(archive(".whl")) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"{NAME}.dist-info/METADATA").decode()
    assert {name for name in names if name.endswith((".py", ".pyi"))} == MODULES
    assert {f"keras_meta/in_context/trained/tables.{x}" for x in ("npz", "json")} <= names
    assert any(name.endswith("/LICENSE") for name in names)
    assert f"{NAME}.dist-info/entry_points.txt" in names
    assert {name.partition("/")[0] for name in names} == {"keras_meta", f"{NAME}.dist-info"}
    assert "License-Expression: Apache-2.0" in metadata or "License: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_source_archive_has_what_a_build_needs_and_no_data():
    with tarfile.open(archive(".tar.gz")) as source:
        names = {name.removeprefix(f"{NAME}/") for name in source.getnames()}
    assert names >= MODULES | {"LICENSE", "README.md", "CHANGELOG.md", "setup.cfg", "setup.py"}
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders <= {"keras_meta", "keras_meta.egg-info"}


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz"])
def test_archives_are_small(suffix):
    assert archive(suffix).stat().st_size < 3_000_000  # half of it are the weights of tables
