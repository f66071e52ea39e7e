"""write text in the language of a few lines of yours, by a learner trained on languages

Adapts to the lines of --support, and prints text that it draws before and after that. The run is
one of `keras-meta train --data languages`, or of a folder of .txt files.
"""

import math
import sys

from keras_meta.commands import data_kinds, tensorflow_start
from keras_meta.commands.argument_types import at_least_zero, integer
from keras_meta.commands.run_folder import RunFolder

# Of more passages than a task of training has, times this, some are left out.
_MOST_TIMES = 10


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument(
        "--support", required=True, metavar="LINES.txt", help="text to adapt to, in UTF-8"
    )
    parser.add_argument("--prompt", help="text to continue (default: the start of a line)")
    parser.add_argument(
        "--length", type=integer(1), default=200, help="symbols to write (%(default)s)"
    )
    parser.add_argument(
        "--temperature",
        type=at_least_zero,
        default=0.7,
        help="1 draws symbols as probable as the model says, less favours probable ones, 0 always "
        "takes the most probable (%(default)s)",
    )
    parser.add_argument(
        "--samples", type=integer(1), default=1, help="texts to write (%(default)s)"
    )
    parser.add_argument("--seed", type=integer(0), default=0, help="(%(default)s)")


def run(options):
    """Prints text of the learner before and after adapting."""
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    if "environment" in config or not data_kinds.is_languages(config):
        raise ValueError(
            "`write` is for runs on languages: train one with `keras-meta train --data "
            f"{data_kinds.LANGUAGES}` or on a folder of .txt files. Received: {folder.path}, a run "
            f"on {config.get('environment', config.get('data'))}."
        )
    if options.prompt == "":
        raise ValueError(
            "--prompt must have at least one character. Leave it out to write from the start of a "
            "line. Received: --prompt ''."
        )
    tensorflow_start.start(options)
    from keras_meta.commands import language_data

    codec = language_data.codec(config)
    lines = language_data.read_text(options.support)
    support = _passages(_encoded(lines, codec, options), config, options)
    learner = folder.read_learner()
    _write("before adapting", learner.model, codec, config, options)
    adapted = learner.adapt(support[:, :-1], support[:, 1:])
    what = f"after adapting to {len(support)} passages of {options.support}"
    _write(what, adapted, codec, config, options)


def _encoded(lines, codec, options):
    """Returns the symbols of the text as in training. A note names those that are unknown."""
    # Invented languages have no lines.
    end = "\n" if codec.utf_8 else " "
    text = "".join(line + end for line in lines)
    if not codec.utf_8:
        unknown = sorted(set(text + (options.prompt or "")) - set(codec.alphabet))
        if unknown:
            print(
                f"keras-meta: note: the run knows the characters {codec.alphabet!r} alone, and "
                f"takes others for one unknown symbol: {''.join(unknown[:20])!r}.",
                file=sys.stderr,
            )
    return codec.encode(text)


def _passages(symbols, config, options):
    """Returns passages `[number, length + 1]` that cover a text, or parts of one that is long."""
    import numpy as np

    size = config["length"] + 1
    if len(symbols) < size:
        raise ValueError(
            f"--support needs at least {size} symbols, one passage of the run (bytes in UTF-8). "
            f"Received: {options.support} with {len(symbols)}; the run learned to adapt to "
            f"{config['shots'] * size}."
        )
    number, most = math.ceil(len(symbols) / size), _MOST_TIMES * config["shots"]
    if number > most:
        print(
            f"keras-meta: note: of {number:,} passages, {most:,} at equal distances are used.",
            file=sys.stderr,
        )
    starts = np.linspace(0, len(symbols) - size, min(number, most)).round().astype(int)
    return symbols[starts[:, None] + np.arange(size)]


def _write(what, model, codec, config, options):
    from keras_meta import networks

    start = "\n" if codec.utf_8 else " "
    texts = networks.draw_text(
        model,
        codec,
        options.prompt or start,
        options.length,
        options.temperature,
        options.samples,
        config["length"],
        options.seed,
    )
    print(f"-- {what}:")
    for text in texts:
        print((options.prompt or "") + text)
