"""Pages of results, made of the files that the benchmarks write: no figure is typed."""

import json
import re
import shutil

# Said above the figures, and not again among them.
_ABOVE = {"command", "what", "versions"}
# A table that is wider is written as one for each row instead.
_MAX_COLUMNS = 8

_INDEX = """# Results

Each page shows the figures that one command has written, and names the command, the settings and
the versions. A figure after ± is half the width of a 95 % interval over tasks. `NaN` and "diverged"
are results as well, and stand here like the others.

| results | |
|---|---|
{rows}
"""


def write(source, folder):
    """Writes a page for each file of results, and one that lists them.

    Args:
        source: Folder of the JSON files and pictures.
        folder: Folder of the site's sources.
    """
    descriptions = _descriptions((source.parent / "README.md").read_text())
    (folder / "results").mkdir()
    rows = []
    for file in sorted(source.glob("*.json")):
        title = _title(file.stem)
        description = descriptions.get(file.name, "")
        rows.append(f"| [{title}]({file.stem}.md) | {description} |")
        page = markdown(json.loads(file.read_text()), title, description)
        for picture in sorted(source.glob(f"{file.stem}*.png")):
            shutil.copy(picture, folder / "results")
            page += f"\n![{title}, as a picture]({picture.name})\n"
        (folder / "results" / f"{file.stem}.md").write_text(page)
    (folder / "results" / "index.md").write_text(_INDEX.format(rows="\n".join(rows)))


def markdown(found, title, description=""):
    """Returns the page of what one file holds.

    Args:
        found: dict, what the file holds.
        title: str.
        description: str.

    Returns:
        str.
    """
    parts = [
        f"# {title}",
        _sentence(description),
        _sentence(found.get("what", "")),
        "[All results](index.md)",
    ]
    if "command" in found:
        parts.append(f"```bash\n{found['command']}\n```")
    if "versions" in found:
        parts.append(", ".join(f"{name} {x}" for name, x in found["versions"].items()))
    parts += _parts({key: x for key, x in found.items() if key not in _ABOVE}, 2)
    return "\n\n".join(part for part in parts if part) + "\n"


def _parts(values, level):
    """A table of what is a figure by itself, and a section for each of the others."""
    values = {key: _by_name(x) for key, x in values.items()}
    plain = {key: x for key, x in values.items() if _is_plain(x)}
    parts = [_table({key: {"": x} for key, x in plain.items()})] if plain else []
    for key, value in values.items():
        if key in plain:
            continue
        if not value:
            continue
        # Some have a short name, and a longer one inside.
        parts.append(f"{'#' * min(level, 6)} {_title(value.get('what', key))}")
        if any(_is_plain(x) for x in value.values()) or all(map(_is_table, value.values())):
            parts += _parts(value, level + 1)
            continue
        rows = {name: _flat(x) for name, x in value.items()}
        columns = {column: {} for row in rows.values() for column in row}
        for name, row in rows.items():
            for column, x in row.items():
                columns[column][name] = x
        if len(columns) <= _MAX_COLUMNS:
            parts.append(_table(rows))
        elif len(rows) <= _MAX_COLUMNS:
            parts.append(_table(columns))
        else:
            parts += _parts(value, level + 1)
    return parts


def _by_name(value):
    """A list of dicts as a dict from what tells them apart."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return value
    apart = [key for key in value[0] if len({str(row.get(key)) for row in value}) > 1]
    apart = [key for key in apart if isinstance(value[0][key], str | int)][:2]
    found = {}
    for number, row in enumerate(value):
        parts = [row[k] if isinstance(row[k], str) else f"{_words(k)} {row[k]}" for k in apart]
        name = ", ".join(parts) or str(number)
        found[name if name not in found else f"{name} ({number})"] = {
            key: x for key, x in row.items() if key not in apart
        }
    return found


def _is_plain(value):
    return not isinstance(value, dict) or "mean" in value and not isinstance(value["mean"], list)


def _is_table(value):
    return bool(value) and not any(_is_plain(x) for x in value.values())


def _flat(value, prefix=""):
    """A nest as a dict from a path of names to a figure."""
    value = _by_name(value)
    if _is_plain(value):
        return {prefix: value}
    found = {}
    for key, x in value.items():
        found |= _flat(x, f"{prefix}, {_words(key)}" if prefix else _words(key))
    return found


def _table(rows):
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = " | ".join(_cell(row.get(column, "")) for column in columns)
        lines.append(f"| {_words(name)} | {cells} |")
    return "\n".join(lines)


def _cell(value):
    if isinstance(value, dict):
        # Not broken between two lines.
        parts = [value["mean"], value.get("half_width_95")]
        return "\u00a0±\u00a0".join(_cell(part) for part in parts if part is not None)
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10000 else f"{value:,.0f}"
    return f"{value:,}" if type(value) is int else str(value).replace("|", "\\|")


def _words(key):
    return str(key).replace("half_width_95", "±").replace("_", " ").replace("|", "\\|")


def _title(key):
    words = _words(key)
    return words[:1].upper() + words[1:]


def _sentence(text):
    text = text.strip()
    return text and text[0].upper() + text[1:].rstrip(".") + "."


def _descriptions(text):
    """By file, what the table of the benchmarks says of it."""
    found = {}
    for row in re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", text, re.MULTILINE):
        found |= {name: row[1] for name in re.findall(r"results/(\w+\.json)", row[2])}
    return found
