"""Training goes on where it was, draws tables by step alone, and writes what it says."""

import json
import subprocess
import sys

import numpy as np
import pytest

from keras_meta.episodes.table_prior.causal_model import SHARES
from keras_meta.in_context.schedule import WarmupStableDecay, sizes
from keras_meta.in_context.train import MECHANISMS, main
from keras_meta.in_context.training import batch
from keras_meta.in_context.weights import read_network

SMALL = "--width 8 --blocks 1 --heads 2 --cells 200 --validate-every 100 --keep-every 100".split()


def test_sizes_are_a_function_of_the_step():
    found = [sizes(0, step, short_steps=50) for step in range(200)]
    assert found[7] == sizes(0, 7, short_steps=50) and len(set(found)) > 150
    assert max(size.support for size in found[:50]) <= 128 < max(size.support for size in found)
    assert (
        2 <= min(size.columns for size in found) and 30 < max(size.columns for size in found) <= 50
    )
    numbers = np.mean([size.classes is None for size in found])
    assert 0.15 < numbers < 0.45
    for size in found:
        tokens = -(-size.columns // 2) + 1
        cells = size.tables * (size.support + size.queries) * tokens
        assert size.tables in (4, 64) or 9_000 < cells < 19_000


def test_codes_of_classes_are_permuted_per_table():
    step = next(s for s in range(50) if (sizes(3, s).classes or 0) == 2)
    kind, (_, support_y, _, query_y, *_), tables = batch(3, step)
    assert kind == "classification" and len(support_y) == tables
    codes = [tuple(sorted(set(labels))) for labels in support_y]
    assert all(len(pair) == 2 for pair in codes) and len(set(codes)) > 3
    assert all(set(q) <= set(s) for q, s in zip(query_y, support_y, strict=True))


def test_a_prior_with_parts_left_out(capsys):
    assert set(MECHANISMS) == set(SHARES)
    with pytest.raises(SystemExit):
        main(["--folder", "unused", "--mechanisms", "magic"])
    assert "invalid choice: 'magic'" in capsys.readouterr().err
    drawn = [batch(3, 0, shares)[1][0] for shares in (None, {"linear": 1.0}, {"trees": 1.0})]
    whole, linear, trees = (np.nan_to_num(x) for x in drawn)
    assert not np.array_equal(whole, linear) and not np.array_equal(linear, trees)


def test_the_rate_rises_stays_and_falls():
    rate = WarmupStableDecay(0.1, steps=100, warmup=10, decay=0.2)
    found = [float(rate(step)) for step in (0, 9, 50, 80, 90, 100)]
    np.testing.assert_allclose(found, [0.01, 0.1, 0.1, 0.1, 0.05, 0.0], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_interrupted_run_goes_on_as_if_it_were_not(optimizer, tmp_path):
    arguments = [*SMALL, "--steps", "6", "--optimizer", optimizer]
    main([*arguments, "--folder", str(tmp_path / "whole")])
    main([*arguments, "--folder", str(tmp_path / "parts"), "--stop", "3"])
    main([*arguments, "--folder", str(tmp_path / "parts")])
    whole, parts = (read_network(tmp_path / name / "weights_6.npz") for name in ("whole", "parts"))
    for one, other in zip(whole.variables, parts.variables, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    card = json.loads((tmp_path / "parts" / "weights_6.json").read_text())
    assert card["step"] == 6 and card["options"]["seed"] == 0 and "tensorflow" in card["versions"]
    log = (tmp_path / "parts" / "log.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["step"] for line in lines if "validation_classification" in line] == [3, 6]


def test_tensorflow_starts_after_training_has_said_how():
    """`main` sets what TensorFlow reads when it is imported."""
    command = [sys.executable, "-X", "importtime", "-m", "keras_meta.in_context.train", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--mechanisms" in result.stdout and "tensorflow" not in result.stderr
