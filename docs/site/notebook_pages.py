"""Notebooks as pages: text, code, and the output that is committed with them."""

import base64
import json
import re

import repository

try:
    from latex2mathml.converter import convert
except ImportError:  # in the tests, which look at links and code
    convert = None

_FORMULA = re.compile(r"(\$\$?)(.+?)\1", re.DOTALL)


def write(source, folder):
    """Writes a page, and its pictures, for each notebook of a folder."""
    folder.mkdir()
    for file in sorted(source.glob("*.ipynb")):
        parts = []
        for number, cell in enumerate(json.loads(file.read_text())["cells"]):
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                parts.append(_FORMULA.sub(_mathml, text))
            else:
                parts.append(f"```python\n{text}\n```")
                parts += _outputs(cell["outputs"], folder, f"{file.stem}_{number}")
            if number == 0:
                parts.append(f"To run it yourself, download the notebook: {repository.link(file)}.")
        (folder / f"{file.stem}.md").write_text("\n\n".join(parts) + "\n")


def _outputs(outputs, folder, stem):
    parts = []
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if "image/png" in data:
            name = f"{stem}_{number}.png"
            (folder / name).write_bytes(base64.b64decode(data["image/png"]))
            parts.append(f"![What the code above draws]({name})")
        elif text := "".join(output.get("text", data.get("text/plain", []))).strip():
            parts.append(f"```text\n{text}\n```")
    return parts


def _mathml(match):
    """A formula as browsers draw it by themselves, without a script."""
    if convert is None:
        return match[0]
    return convert(match[2].strip(), display="block" if match[1] == "$$" else "inline")
