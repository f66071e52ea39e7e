"""The versions that are installed, those that are allowed, and the oldest that are tested."""

import configparser
import importlib.metadata
import pathlib
import re

import pytest
from packaging.requirements import Requirement

import keras_meta

ROOT = pathlib.Path(__file__).parents[1]


def requirements():
    """Everything that setup.cfg asks for by version, extras included."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    texts = [
        parser["options"]["install_requires"],
        *(
            parser["options.extras_require"][extra]
            for extra in ("plots", "datasets", "tensorboard", "test")
        ),
    ]
    return {line for text in texts for line in text.splitlines() if line}


@pytest.fixture(scope="module")
def oldest():
    lines = (ROOT / "oldest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("text", sorted(requirements()))
def test_a_requirement_begins_with_the_oldest_version_tested(text, oldest):
    requirement = Requirement(text)
    (lower,) = [s.version for s in requirement.specifier if s.operator == ">="]
    version = oldest[requirement.name]
    assert requirement.specifier.contains(version)
    assert re.fullmatch(rf"{re.escape(lower)}(\.0)*", version), "an older one is allowed"


@pytest.mark.parametrize("text", sorted(requirements()))
def test_what_is_installed_is_allowed(text):
    requirement = Requirement(text)
    installed = importlib.metadata.version(requirement.name)
    assert requirement.specifier.contains(installed, prereleases=True)


def test_the_citation_and_the_changes_name_this_version():
    version = re.escape(keras_meta.__version__)
    assert re.search(rf"^version: {version}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert re.search(rf"^## {version}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
