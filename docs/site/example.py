"""An example in the form of keras.io as a page: its strings are text, all else is code."""

import ast

import repository


def write(source, page):
    """Writes the page of one example."""
    page.write_text(markdown(source.read_text(), f"The program: {repository.link(source)}."))


def markdown(text, note=""):
    """Returns the Markdown of an example.

    Args:
        text: str, Python of which each string that stands alone at the top level is Markdown. The
            first begins with lines `Title: ...`, `Author: ...` and others of that kind.
        note: str, a paragraph to put below the title.

    Returns:
        str.
    """
    lines, parts, start = text.splitlines(), [], 0
    for node in ast.parse(text).body:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        parts += _code(lines[start : node.lineno - 1])
        parts.append(node.value.value.strip())
        start = node.end_lineno
    head, *rest = parts + _code(lines[start:])
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    title = f"# {fields['Title']}\n\n{fields['Description']}\n\n*By {fields['Author']}.*"
    return "\n\n".join(filter(None, [title, note, *rest])) + "\n"


def _code(lines):
    code = "\n".join(lines).strip("\n")
    return [f"```python\n{code}\n```"] if code.strip() else []
