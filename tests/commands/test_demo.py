import re
import subprocess
import sys


def test_a_quick_demonstration(tmp_path):
    """From the command to the verdict, with all files, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "keras_meta", "demo", "--quick", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert result.stdout.count("95 % intervals over tasks") == 2
    assert result.stdout.count("clean process: predictions agree") == 2
    verdicts = result.stdout.splitlines()[-2:]
    assert [line.split(":")[0] for line in verdicts] == ["sinusoids", "glyphs"]
    assert all(re.search(" beats | cannot tell MAML from ", line) for line in verdicts)
    names = {path.name for path in tmp_path.iterdir()}
    pictures = ("sinusoids_adaptation", "glyphs_adaptation", "sinusoids_fits", "glyphs_episode")
    expected = {f"{name}.png" for name in pictures}
    for name in ("sinusoids", "glyphs"):
        expected |= {f"{name}.keras", f"{name}_saved_model"}
    assert names == expected
