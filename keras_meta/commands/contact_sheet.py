"""A page of predictions to look at: each class with its examples and what was found to be it."""

import base64
import html
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

from keras_meta.episodes.images import read_image

_SIDE = 112
_QUALITY = 80
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 2em; }}
figure {{ display: inline-block; margin: 0 .6em .8em 0; width: {side}px; vertical-align: top; }}
figcaption {{ font-size: 70%; overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}
section {{ border-top: 1px solid #bbb; }}
.examples {{ background: #eee; padding: .6em .6em 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
{sections}
</body>
</html>
"""


def write(path, title, support, queries):
    """Writes the page, which holds small copies of all images.

    Args:
        path: `pathlib.Path` of the .html file.
        title: str.
        support: dict, class to list of the paths of its examples.
        queries: List of tuples `(path, class, probability)`; the classes may be others than those
            of `support`, and the probability `None`.
    """
    paths = [*(file for files in support.values() for file in files), *(q[0] for q in queries)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        images = dict(zip(paths, threads.map(_thumbnail, paths), strict=True))
    names = list(dict.fromkeys([*support, *(name for _, name, _ in queries)]))
    sections = []
    for name in names:
        found = [(path, p) for path, predicted, p in queries if predicted == name]
        found.sort(key=lambda query: -(query[1] or 0))
        examples = "".join(_figure(images[file], "", file) for file in support.get(name, ()))
        figures = "".join(
            _figure(images[file], "" if p is None else f"{p:.0%}", file) for file, p in found
        )
        sections.append(
            f"<section>\n<h2>{html.escape(name)}: {len(found)}</h2>\n"
            f'<div class="examples">{examples}</div>\n{figures}\n</section>'
        )
    page = _PAGE.format(title=html.escape(title), side=_SIDE, sections="\n".join(sections))
    path.write_text(page, encoding="utf-8", errors="surrogateescape")


def _figure(image, caption, file):
    """Returns an image with what is said about it."""
    name = html.escape(Path(file).name)
    return (
        f'<figure><img src="data:image/jpeg;base64,{image}" alt="{name}">'
        f"<figcaption>{caption} {name}</figcaption></figure>\n"
    )


def _thumbnail(file):
    """Returns a small JPEG of an image file in base64."""
    image = read_image(file, None, "rgb")
    if max(image.shape[:2]) > _SIDE:
        image = tf.image.resize(image, (_SIDE, _SIDE), preserve_aspect_ratio=True, antialias=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
    return base64.b64encode(tf.io.encode_jpeg(image, quality=_QUALITY).numpy()).decode()
