"""shows in five minutes what meta-learning gains, on two kinds of made-up tasks

Meta-trains MAML on sine waves and on drawn characters, and prints what it reaches on unseen tasks
beside the same networks without meta-learning. Writes plots, the learners and SavedModels.
"""

import time
from pathlib import Path

from keras_meta.commands.argument_types import integer


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("--out", metavar="DIR", default="runs/demo", help="(%(default)s)")
    parser.add_argument("--seed", type=integer(0), default=0)
    parser.add_argument(
        "--quick", action="store_true", help="train for seconds only, to see that everything runs"
    )


def run(options):
    """Runs both studies and reports."""
    import keras

    from keras_meta.commands import demo_studies, results_table

    started = time.time()
    # The baselines shuffle what they are pre-trained on.
    keras.utils.set_random_seed(options.seed)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    print("1. MAML on sine waves", flush=True)
    waves = demo_studies.sinusoids(options.seed, options.quick)
    print(f"\n{results_table.results_table(waves)}\n")
    print("2. MAML on drawn characters", flush=True)
    glyphs = demo_studies.glyphs(options.seed, options.quick)
    print(f"\n{results_table.results_table(glyphs)}\n")
    for study in (waves, glyphs):
        _save(study, out)
    _plot(waves, glyphs, out)
    print(f"\nAll of it is in {out.resolve()}. It took {time.time() - started:.0f} s.")
    for study in (waves, glyphs):
        print(results_table.verdict(study))


def _save(study, out):
    """Writes the learner and its SavedModel, and compares what the latter predicts."""
    import numpy as np

    from keras_meta.commands.saved_model_check import predictions_in_clean_process

    file, folder = out / f"{study.name}.keras", out / f"{study.name}_saved_model"
    study.learner.save(file)
    study.learner.export(folder, verbose=False)
    inputs, _ = study.test.sample(0, 1)
    expected = np.asarray(study.learner(inputs)[0])
    found = predictions_in_clean_process(folder, {k: v[0].numpy() for k, v in inputs.items()})
    difference = np.abs(found - expected).max()
    if difference > 1e-4:
        raise ValueError(
            "The SavedModel predicts otherwise than the learner. Received: a difference of "
            f"{difference:.2g} in {folder}."
        )
    print(f"Learner: {file}")
    print(
        f"SavedModel: {folder}, read by TensorFlow alone in a clean process: predictions agree to "
        f"{difference:.0e}"
    )


def _plot(waves, glyphs, out):
    from keras_meta import plotting

    try:
        plotting.figure((1, 1))
    except ImportError as error:
        print(f"There are no plots. {error}")
        return
    figures = {f"{study.name}_adaptation": _adaptation(study) for study in (waves, glyphs)}
    figures["sinusoids_fits"] = plotting.waves(waves.learner, *waves.test.sample(0, 3), steps=10)
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
