"""Tables in the midst of pages, made of the files of results: `<!-- table: NAME -->`."""

import functools
import json
import re

_MARK = re.compile(r"<!-- table: ([\w ]+) -->")


def insert(folder, source):
    """Replaces the marks in all pages of a folder.

    Args:
        folder: Folder of the site's sources.
        source: Folder of the JSON files of results.

    Raises:
        KeyError: If a page asks for a table that there is none of.
    """
    for page in sorted(folder.rglob("*.md")):
        text = page.read_text()
        filled = _MARK.sub(lambda mark: _TABLES[mark[1]](source), text)
        if filled != text:
            page.write_text(filled)


# The fastest form of each, as a user can have it.
_FORMS = {
    "keras_meta": ("ours, 100 steps an execution", "ours"),
    "PyTorch loop": ("torch loop",),
    "PyTorch vmap": ("torch vmap",),
    "JAX vmap": ("jax vmap, shifted products", "jax vmap"),
    "TensorFlow `map_fn`": ("tensorflow map_fn",),
}
_SHOWN = ("a1", "a5", "c4", "d1", "e-lstm", "e-transformer", "e-gpt", "e-lora")


def speed(source, names=_SHOWN):
    """Milliseconds of a meta-step here and elsewhere, for several kinds of network."""
    works = _read(source, "peers")["works"]
    others = _read(source, "peers_second_machine")["works"]
    rows = []
    for name in names or works:
        times = _milliseconds(works[name])
        cells = ["" if x is None else f"{x:.0f}" if x >= 100 else f"{x:#.3g}" for x in times]
        fastest = times.index(min(x for x in times if x is not None))
        cells[fastest] = f"**{cells[fastest]}**"
        # Some are named after another: "a1, first order".
        other, comma, rest = works[name]["what"].partition(",")
        what = works.get(other, {}).get("what", other) + comma + rest
        rows.append([what, *cells, _over_torch(works[name]), _over_torch(others.get(name))])
    return _markdown(["", *_FORMS, "PyTorch ÷ keras_meta", "on another machine"], rows)


def _milliseconds(work):
    """Those of each library, or `None` for one that cannot do the work."""
    found = work["contenders"]
    times = (next(found[x] for x in form if x in found) for form in _FORMS.values())
    return [x.get("milliseconds") for x in times]


def _over_torch(work):
    """How many times as long the faster form in PyTorch takes."""
    if work is None:
        return ""
    ours, *torch = _milliseconds(work)[:3]
    return f"{min(torch) / ours:.1f}"


def gradient(source):
    """Accuracy and error of gradient-based learners after an equal training."""
    omniglot = _read(source, "gradient_family_omniglot")["learners"]
    sinusoid = _read(source, "gradient_family_sinusoid")["learners"]
    rows = []
    for name in sorted(omniglot, key=lambda name: -omniglot[name]["transductive"]["mean"]):
        kinds = [_percent(omniglot[name][kind]) for kind in ("transductive", "inductive")]
        error = sinusoid.get(name)
        rows.append([f"`{name}`", *kinds, _interval(error["mse"], 3) if error else ""])
    return _markdown(["", "transductive, %", "inductive, %", "sinusoids, squared error"], rows)


def embedding(source):
    """Accuracy of embedding learners after an equal training."""
    learners = _read(source, "metric_learners")["learners"]
    cases = ["5-way 1-shot", "5-way 5-shot", "20-way 1-shot", "20-way 5-shot"]
    rows = [
        [f"`{name}`", *(_percent(learners[name][case]) for case in cases)]
        for name in sorted(learners, key=lambda name: -learners[name][cases[0]]["mean"])
    ]
    return _markdown(["", *(f"{case}, %" for case in cases)], rows)


def latency(source):
    """Time and memory of learners in service."""
    learners = _read(source, "latency")["learners"]
    rows = [
        [f"`{name}`", f"{x['adapt_ms_1_shot']:.1f}", f"{x['predict_ms']:.1f}", _size(x)]
        for name, x in sorted(learners.items(), key=lambda item: item[1]["adapt_ms_1_shot"])
    ]
    return _markdown(["", "adapt, ms", "predict, ms", "state of a task"], rows)


def transduction(source):
    """The same weights with two kinds of statistics."""
    found = _read(source, "omniglot_maml_5way_1shot")
    rows = []
    for name, x in found["test"].items():
        mean, half = 100 * x["accuracy_by_step"][1], 100 * x["half_width_95"][1]
        rows.append([f'`batch_norm="{name}"`', f"{mean:.2f} ± {half:.2f}", f"{x['tasks']:,}"])
    return _markdown(["MAML, Omniglot, 5-way 1-shot", "accuracy, %", "tasks"], rows)


def scaling(source):
    """How much faster two cores are, by how they are used."""
    found = _read(source, "scaling")["speed_up_over_one_core"]
    return _markdown(["on two cores", "speed"], [[name, f"{x:.2f}"] for name, x in found.items()])


def in_context(source):
    """Learning of tables in context beside methods that are fitted, by the area under the curve."""
    found = _read(source, "in_context")["classes"]
    area, loss = found["area"], found["log_loss"]
    rows = [
        [
            f"**{name}**" if name == "in-context" else name,
            f"{x['mean']:.3f}",
            f"{x['mean_rank']:.2f}",
            f"{loss[name]['mean']:.3f}",
            f"{loss[name]['mean_rank']:.2f}",
            f"{found['fit_seconds'][name] + found['predict_seconds'][name]:.2f}",
        ]
        for name, x in area.items()
    ]
    titles = ["area", "mean rank", "log loss", "mean rank", "fit and predict, s"]
    return _markdown([f"{len(found['tables'])} tables", *titles], rows)


_TABLES = {
    "speed": speed,
    "all speed": functools.partial(speed, names=None),
    "gradient": gradient,
    "embedding": embedding,
    "latency": latency,
    "transduction": transduction,
    "scaling": scaling,
    "in context": in_context,
}


def _read(source, name):
    return json.loads((source / f"{name}.json").read_text())


def _markdown(titles, rows):
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _interval(value, digits):
    if isinstance(value["mean"], str):
        return value["mean"]
    # Not broken between two lines.
    return f"{value['mean']:.{digits}f}\u00a0±\u00a0{value['half_width_95']:.{digits}f}"


def _percent(value):
    return _interval({key: 100 * value[key] for key in ("mean", "half_width_95")}, 1)


def _size(values):
    size = values["state_bytes"]
    return f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} bytes"
