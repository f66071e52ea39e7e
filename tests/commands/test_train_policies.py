"""`keras-meta train navigation`: runs, resuming, and options that do not fit."""

import json
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.commands import policy_report, splits
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import POLICY
from tests.commands.test_train import check_equal_runs, rows


@pytest.fixture
def copied_run(policy_run, tmp_path):
    """A copy, to write other results into."""
    return shutil.copytree(policy_run, tmp_path / "run")


def test_a_run_ends_with_its_returns_in_unseen_tasks(policy_run, run):
    result = json.loads((policy_run / "evaluation.json").read_text())
    assert result["tasks"] == 100 and result["iterations"] == 10 and result["split"] == "test"
    assert len(result["mean_by_step"]) == len(result["half_width_95_by_step"]) == 3
    names = {file.name for file in policy_run.iterdir()}
    written = {"config.json", "history.csv", "learner.keras", "checkpoints", "evaluation.json"}
    assert names == written | {"paths.png", "learning_curve.png"}
    assert [row["iterations"] for row in rows(policy_run)] == ["5", "10"]
    # Training is told apart from unseen tasks by the seed of the environment.
    seeds = [splits.split_seed({"seed": 0}, x) for x in ("train", "test")]
    assert seeds[0] != seeds[1]


@pytest.mark.slow
def test_evaluation_is_repeated_in_other_tasks(copied_run, run):
    results = {}
    for split in ("validation", "test"):
        status, output, _ = run("evaluate", copied_run, *f"--tasks 5 --split {split}".split())
        assert status == 0 and f"navigation, split {split}, seed 0, trained for 10 iter" in output
        results[split] = json.loads((copied_run / "evaluation.json").read_text())
    assert results["test"]["mean_by_step"] != results["validation"]["mean_by_step"]
    status, output, _ = run("evaluate", copied_run, *"--tasks 5 --steps 1".split())
    again = json.loads((copied_run / "evaluation.json").read_text())
    assert again["mean_by_step"] == pytest.approx(results["test"]["mean_by_step"][:2], rel=1e-5)


def test_without_matplotlib_there_are_results_but_no_plots(copied_run, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, output, _ = run("evaluate", copied_run)
    assert status == 0 and "in 100 unseen tasks" in output
    assert "No plots were made. Plots need matplotlib" in output
    assert "      2  " in output and "      3  " not in output


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["trpo", "ppo"])
def test_a_killed_run_resumes_without_its_options_and_ends_the_same(
    rule, policy_run, run, fails, tmp_path
):
    options, whole = ["navigation", *POLICY, "--outer-rule", rule], policy_run
    if rule != "trpo":
        whole = tmp_path / "whole"
        assert run("train", *options, "--out", whole)[0] == 0

    program = "import sys; from keras_meta import cli; sys.exit(cli.main(sys.argv[1:]))"
    options += ["--checkpoint-iterations", "1", "--out", tmp_path / "parts"]
    process = subprocess.Popen([sys.executable, "-c", program, "train", *map(str, options)])
    while not list((tmp_path / "parts").glob("checkpoints/step-*[78].npz")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()

    status, output, _ = run("train", "--resume", "--out", tmp_path / "parts")
    assert status == 0 and "Resuming after iteration " in output
    check_equal_runs(whole, tmp_path / "parts")
    message = fails("train", "--resume", "--out", tmp_path / "parts", "--episodes", 3)
    assert "--episodes 4 (now 3)" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("navigation --ways 3 --shots 2", "there is no --ways, --shots. Leave it out. Received: "),
        ("navigation --data glyphs", "Received: --data glyphs"),
        ("navigation --learner reptile", "Received: --learner reptile"),
        ("navigation --batch-norm support", "Received: --batch-norm support"),
        ("navigation --outer-learning-rate 0.1", "without a learning rate. Leave"),
        ("navigation --network a.keras --units 4", "Received: --network a.keras --units 4"),
        ("navigation --network conv4", "--network must be a .keras file of a policy"),
        ("--data sinusoid --episodes 3", "--episodes is for policies. Leave it out"),
        ("--data sinusoid --outer-rule ppo", "Received: --outer-rule ppo"),
        ("navigation --batch-size 1000000000", "There is not enough memory. Received: "),
    ],
)
def test_options_that_do_not_fit(options, message, fails, tmp_path):
    assert message in fails("train", *options.split(), "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_policy_has_no_queries(policy_run, fails):
    assert "A policy has no --queries. Leave it out" in fails(
        "evaluate", policy_run, "--queries", 1
    )
    message = fails("evaluate", policy_run, "--batch-norm", "support")
    assert "A policy has no --batch-norm" in message
    message = fails("predict", policy_run, "--support", "a", "--query", "b")
    assert "`predict` is for runs on images" in message and "a run on navigation" in message


@pytest.mark.slow
def test_the_saved_model_acts_the_same(policy_run, run, tmp_path):
    status, output, _ = run("export", policy_run, tmp_path)
    assert status == 0 and "act(" in output and "initial()" in output
    endpoints = tf.saved_model.load(tmp_path).signatures
    seen = np.random.default_rng(0).normal(size=[3, 2]).astype("float32")
    found = endpoints["act"](observations=tf.constant(seen), **endpoints["initial"]())
    expected = RunFolder(policy_run).read_learner().model(seen)
    np.testing.assert_allclose(found["outputs"], expected, atol=1e-6)


def test_a_configuration_that_lacks_options(policy_run, fails, tmp_path):
    (tmp_path / "config.json").write_text('{"environment": "navigation"}')
    assert "['environment', 'episodes', 'horizon', 'seed']" in fails("evaluate", tmp_path)


def write_policy(folder, size):
    """A file of a policy for observations of this size."""
    means = keras.Sequential([keras.Input((size,)), keras.layers.Dense(2)])
    keras_meta.networks.gaussian_policy(means).save(folder / f"{size}.keras")
    return folder / f"{size}.keras"


def test_a_policy_of_ones_own_must_fit_the_environment(fails, tmp_path):
    options = ["navigation", *POLICY, "--out", tmp_path / "run"]
    assert "Received: --network" in fails("train", *options, "--network", write_policy(tmp_path, 3))


@pytest.mark.slow
def test_a_policy_of_ones_own(run, tmp_path):
    short = "--episodes 2 --horizon 2 --batch-size 1 --validation-tasks 1".split()
    short += "--epoch-iterations 1 --iterations 1 --outer-rule policy-gradient".split()
    short += "--eval-inner-steps 1".split()
    short += "--outer-learning-rate 0.01 --estimator dice --inner-steps 2".split()
    out = tmp_path / "run"
    options = ["navigation", *short, "--out", out, "--network", write_policy(tmp_path, 2)]
    assert run("train", *options)[0] == 0
    learner = RunFolder(out).read_learner()
    assert len(learner.model.trainable_variables) == 3
    assert type(learner.outer_rule).__name__ == "PolicyGradient" and learner.inner_steps == 2
    assert float(learner.optimizer.learning_rate) == pytest.approx(0.01)
    status, output, _ = run("train", "--resume", "--out", out)
    assert status == 0 and "already done 1 iterations" in output and "updates    return" in output


@pytest.mark.slow
def test_half_cheetah(run, tmp_path, monkeypatch):
    monkeypatch.setattr(policy_report, "_BATCH_SIZE", 2)
    short = "--episodes 2 --horizon 3 --batch-size 1 --validation-tasks 1 --units 4".split()
    short += "--epoch-iterations 1 --iterations 1 --eval-inner-steps 1".split()
    assert run("train", "half-cheetah", *short, "--out", tmp_path)[0] == 0
    status, output, _ = run("evaluate", tmp_path, "--tasks", 2, "--steps", 1)
    assert status == 0 and "half-cheetah, split test" in output and "      1  " in output
    assert not (tmp_path / "paths.png").exists()


def test_half_cheetah_without_gymnasium_names_the_extra(fails, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    message = fails("train", "half-cheetah", "--out", tmp_path / "run")
    assert "pip install keras-meta[rl]" in message
    assert not (tmp_path / "run").exists()
