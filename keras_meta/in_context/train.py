"""Trains the network of tables: `python -m keras_meta.in_context.train --folder runs/tables`.

A run that was interrupted goes on where it was when the same command is given again.
"""

import argparse
import concurrent.futures
import os
import pathlib
import signal

# Those of the prior, as `table_prior.causal_model` names them.
MECHANISMS = ("linear", "network", "trees", "waves", "products")


def arguments(argv=None):
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", required=True, help="where checkpoints and the log are")
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--cells", type=int, default=14_000, help="tokens a step")
    parser.add_argument("--mechanisms", nargs="+", choices=MECHANISMS, help="(default: all)")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], default="adamw")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.3, help="share of steps with decay")
    parser.add_argument("--save-minutes", type=float, default=10.0)
    parser.add_argument("--validate-every", type=int, default=1000)
    parser.add_argument("--keep-every", type=int, default=5000, help="steps between kept weights")
    parser.add_argument("--stop", type=int, help="stop at this step, to go on later")
    parser.add_argument("--dtype", default="float32", help="or mixed_bfloat16")
    parser.add_argument("--compiled", action="store_true", help="compile steps with XLA")
    return parser.parse_args(argv)


def main(argv=None):
    """Trains, or goes on."""
    options = arguments(argv)
    # Read when TensorFlow starts. Products of matrices are faster with oneDNN, and memory is kept.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")
    from keras_meta.in_context.training import Training

    folder = pathlib.Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(options, folder)
    stop = min(options.steps, options.stop or options.steps)
    signal.signal(signal.SIGTERM, lambda *_: training.interrupt())
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        training.run(pool, stop)


if __name__ == "__main__":
    main()
