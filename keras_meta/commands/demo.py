"""show in five minutes what meta-learning gains, on two kinds of synthetic tasks

Meta-trains MAML on sine waves and on drawn characters, and prints its results on unseen tasks
beside those of the same networks without meta-learning. Writes plots, the learners and SavedModels.
"""

import time
from pathlib import Path

from keras_meta.commands import folders, tensorflow_start
from keras_meta.commands.argument_types import integer


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument(
        "--out", metavar="DIR", default="runs/demo", help="folder to write to (%(default)s)"
    )
    parser.add_argument("--seed", type=integer(0), default=0, help="(%(default)s)")
    parser.add_argument(
        "--quick", action="store_true", help="train for seconds only, to check that it all runs"
    )


def run(options):
    """Runs both studies and reports."""
    started = time.time()
    out = Path(options.out)
    folders.make(out, "--out")
    tensorflow_start.start(options)
    import keras

    from keras_meta.commands import demo_studies, results_table

    # The pre-training of the baselines shuffles its data.
    keras.utils.set_random_seed(options.seed)
    print("1. MAML on sine waves", flush=True)
    waves = demo_studies.sinusoids(options.seed, options.quick)
    print(f"\n{results_table.results_table(waves)}\n")
    print("2. MAML on drawn characters", flush=True)
    glyphs = demo_studies.glyphs(options.seed, options.quick)
    print(f"\n{results_table.results_table(glyphs)}\n")
    _save((waves, glyphs), out)
    _plot(waves, glyphs, out)
    print(f"\nThe results are in {out.resolve()}. It took {time.time() - started:.0f} s.")
    for study in (waves, glyphs):
        print(results_table.verdict(study))


def _save(studies, out):
    """Writes the learners and their SavedModels, and checks that both predict the same."""
    import numpy as np

    from keras_meta.commands.saved_model_check import predictions_in_clean_process

    files = [out / f"{study.name}.keras" for study in studies]
    folders = [out / f"{study.name}_saved_model" for study in studies]
    inputs, expected = [], []
    for study, file, folder in zip(studies, files, folders, strict=True):
        study.learner.save(file)
        study.learner.export(folder, verbose=False)
        batch, _ = study.test.sample(0, 1)
        inputs.append({key: value[0].numpy() for key, value in batch.items()})
        expected.append(np.asarray(study.learner(batch)[0]))
    found = predictions_in_clean_process(folders, inputs)
    for file, folder, one, other in zip(files, folders, found, expected, strict=True):
        difference = np.abs(one - other).max()
        if difference > 1e-4:
            raise ValueError(
                "The predictions of the SavedModel differ from those of the learner. Received: a "
                f"difference of {difference:.2g} in {folder}."
            )
        print(f"Learner: {file}")
        print(
            f"SavedModel: {folder}, loaded by TensorFlow alone in a clean process: predictions "
            f"agree to {difference:.0e}"
        )


def _plot(waves, glyphs, out):
    from keras_meta import plotting

    try:
        plotting.figure((1, 1))
    except ImportError as error:
        print(f"No plots were made. {error}")
        return
    figures = {f"{study.name}_adaptation": _adaptation(study) for study in (waves, glyphs)}
    steps = waves.curve.values.shape[1] - 1
    figures["sinusoids_fits"] = plotting.waves(waves.learner, *waves.test.sample(0, 3), steps=steps)
    figures["glyphs_episode"] = plotting.episode(glyphs.learner, *glyphs.test.sample(0, 1))
    for name, figure in figures.items():
        file = out / f"{name}.png"
        figure.savefig(file, dpi=120)
        print(f"Plot: {file}")


def _adaptation(study):
    from keras_meta import plotting

    learner = {"MAML": (range(study.curve.values.shape[1]), study.curve.values)}
    baselines = {name: (study.steps, values) for name, values in study.baselines.items()}
    return plotting.adaptation(learner | baselines, study.title)
