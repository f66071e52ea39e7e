import json
import shutil

import pytest


def test_the_report_names_what_an_accuracy_depends_on(run, image_run):
    status, output, _ = run("evaluate", image_run, "--tasks", 30, "--steps", 2)
    assert status == 0
    assert "split test, seed 0" in output
    assert "30 tasks of 4 queries, batch_norm=transductive" in output
    assert "after  2 steps" in output
    result = json.loads((image_run / "evaluation.json").read_text())
    assert result["tasks"] == 30 and result["queries_a_task"] == 4
    assert len(result["mean_by_step"]) == len(result["half_width_95_by_step"]) == 3
    assert result["split"] == "test" and result["seed"] == 0 and result["iterations"] == 2


def test_several_shots_and_other_ways(run, fails, image_run, open_run):
    status, output, errors = run("evaluate", image_run, "--tasks", 3, "--shots", "1,2")
    assert status == 0 and "2-way 1-shot accuracy" in output and "2-way 2-shot" in output, errors
    result = json.loads((image_run / "evaluation.json").read_text())
    assert list(result) == ["1-shot", "2-shot"]
    assert [part["shots"] for part in result.values()] == [1, 2]
    assert "has as many outputs as the run has ways, 2" in fails("evaluate", image_run, "--ways", 3)

    options = ["--ways", 4, "--shots", 2, "--tasks", 3]
    status, output, errors = run("evaluate", open_run, "--split", "train", *options)
    assert status == 0 and "4-way 2-shot accuracy over 3 tasks of 8 queries" in output, errors
    assert "steps" not in output
    assert "in one pass, without inner steps" in fails("evaluate", open_run, "--steps", 1)
    message = fails("evaluate", open_run, "--ways", 5)
    assert "The test part of the data cannot fill episodes of --ways 5" in message


def test_options(run, image_run):
    options = "--tasks 4 --queries 1 --split validation --batch-norm support".split()
    status, output, _ = run("evaluate", image_run, *options)
    assert status == 0
    assert "split validation" in output and "4 tasks of 2 queries, batch_norm=support" in output


@pytest.fixture
def copy(image_run, tmp_path):
    return shutil.copytree(image_run, tmp_path / "copy")


def test_no_run(fails, tmp_path):
    assert "(no such folder)" in fails("evaluate", tmp_path / "nothing")
    assert "(a folder without config.json)" in fails("evaluate", tmp_path)


def test_a_run_without_learner(fails, copy):
    (copy / "learner.keras").unlink()
    assert "The run has no learner yet" in fails("evaluate", copy)


def test_a_truncated_configuration(fails, copy):
    text = (copy / "config.json").read_text()
    (copy / "config.json").write_text(text[: len(text) // 2])
    message = fails("evaluate", copy)
    assert "The configuration of the run cannot be read. Received: " in message
    assert "config.json" in message


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_truncated_learner(fails, copy, part):
    content = (copy / "learner.keras").read_bytes()
    (copy / "learner.keras").write_bytes(content[: int(part * len(content))])
    message = fails("evaluate", copy)
    assert "The learner cannot be read. Received: " in message and "learner.keras" in message
