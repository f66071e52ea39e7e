"""Tables of all learners."""

from keras_meta import registry

_SUMMARY = {
    "gradient": "inner steps change",
    "embedding": "the head on the embedding",
    "policy": "a task is learned by",
}


def table(family):
    """Returns the table of one family of learners.

    Args:
        family: `"gradient"` or `"embedding"`, or `"policy"` for learners of policies.

    Returns:
        str, a table in Markdown.
    """
    lines = [f"| learner | {_SUMMARY[family]} | paper |", "|---|---|---|"]
    for row in _rows(family):
        papers = "; ".join(f"[{text}]({address})" for text, address in row.papers)
        lines.append(f"| `{row.signature}` | {row.summary} | {papers} |")
    # The rows of the learner generator differ only in what it generates.
    return "\n".join(dict.fromkeys(lines))


def _rows(family):
    if family == "policy":
        return registry.of_kind("policy")
    return [row for row in registry.of_kind("learner") if row.family == family]
