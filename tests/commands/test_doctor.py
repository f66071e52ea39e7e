import importlib.metadata

import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import cli
from keras_meta.commands import doctor

REQUIRED = "tensorflow >= 2.21, < 2.22"


@pytest.fixture
def requires(monkeypatch):
    """Gives the package other requirements, all of this environment being as it is."""

    def set_requirements(*requirements):
        monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(requirements))

    return set_requirements


def test_it_names_versions_and_settings_and_learns(capsys, requires):
    requires(f"tensorflow=={tf.__version__}", f"numpy>={np.__version__}; extra == 'arrays'")
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"keras_meta {keras_meta.__version__}" in out
    assert f"tensorflow           {tf.__version__}\n" in out
    assert f"numpy                {np.__version__}, for arrays\n" in out
    for line in ("processor", "threads", "oneDNN", "GPUs", "MAML on sinusoids    loss"):
        assert f"\n  {line}" in out
    assert out.endswith("All is well.\n")


def test_another_version_than_tested_is_a_problem(capsys, requires, monkeypatch):
    monkeypatch.setattr(doctor, "_learning", lambda: [])
    requires("tensorflow<2,>=1")
    with pytest.raises(SystemExit) as status:
        cli.main(["doctor"])
    assert status.value.code == 1
    out = capsys.readouterr().out
    assert f"tensorflow {tf.__version__} is not what the tests run on, >=1, <2." in out
    assert 'pip install "tensorflow<2,>=1"' in out


def test_what_is_not_installed_comes_with_a_command(requires):
    requires("no-such-package>=1", "no-such-extra>=2; extra == 'more'", "ruff; extra == 'lint'")
    lines, problems = doctor._packages()
    assert lines == [
        '  no-such-package      not installed: pip install "no-such-package>=1"',
        '  no-such-extra        not installed, for more: pip install "keras-meta[more]"',
    ]
    # An extra is not a problem.
    assert problems == ['no-such-package is required. Install it: pip install "no-such-package>=1"']


def test_a_package_that_is_not_installed(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert "pip install keras-meta" in doctor._packages()[1][0]
