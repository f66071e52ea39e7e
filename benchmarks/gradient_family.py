"""Trains every gradient-based learner at an equal budget, and writes one table to a JSON file.

    python benchmarks/gradient_family.py sinusoid
    python benchmarks/gradient_family.py omniglot --data omniglot28.npz

Sinusoids: trained and tested with 5 examples of a wave and 5 inner steps, 10,000 unseen waves.
Omniglot: 5-way 1-shot, trained on 1200 characters in four rotations, tested on upright characters
of the test split of Vinyals et al.; transductive (statistics of the queries, as in the literature)
and inductive (each query on its own). Outer gradients are clipped to norm 1 for all but Reptile.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import omniglot
import record

import keras_meta
from keras_meta import episodes, learners, metrics, networks
from keras_meta.inner_optimizers import Adam


def cosine(iterations):
    decay = keras.optimizers.schedules.CosineDecay(1e-3, iterations)
    return keras.optimizers.Adam(decay, global_clipnorm=1.0)


def towards_adapted_weights(iterations):
    """The outer step of Reptile, which goes to zero."""
    decay = keras.optimizers.schedules.PolynomialDecay(1.0, iterations, 0.0)
    return keras.optimizers.SGD(decay)


def waves_with_context(seed):
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((1,)),
            keras_meta.layers.Context(5),
            layers.Dense(40, "relu"),
            layers.Dense(40, "relu"),
            layers.Dense(1),
        ]
    )


def drawings_with_context(seed):
    """The four blocks, with a context that modulates the third."""
    blocks = networks.Conv4(num_ways=5, seed=seed)
    normalizations = [x for x in blocks.layers if isinstance(x, keras.layers.BatchNormalization)]
    x = blocks.inputs[0]
    for layer in blocks.layers:
        x = layer(x)
        # Before it, normalisation would undo what the context does.
        if layer is normalizations[2]:
            x = keras_meta.layers.ContextFiLM(100)(x)
    return keras.Model(blocks.inputs[0], x)


def points(seed):
    """A layer that embeds a point of a wave."""
    start = keras.initializers.GlorotUniform(seed)
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(64, "relu", kernel_initializer=start)]
    )


def embedding(seed):
    """The four blocks without the head, which prototypes write."""
    return networks.Conv4(seed=seed)


def adam(iterations):
    del iterations
    return keras.optimizers.Adam(1e-3, global_clipnorm=1.0)


# Name to what makes the learner, from seed and iterations, and its outer optimizer.
SINUSOID = {
    "MAML": (lambda seed, n: learners.MAML(networks.SinusoidMLP(seed=seed), 0.01, 5), adam),
    "MAML, cosine schedule": (
        lambda seed, n: learners.MAML(networks.SinusoidMLP(seed=seed), 0.01, 5),
        cosine,
    ),
    "MAML++": (
        lambda seed, n: learners.MAMLPlusPlus(
            networks.SinusoidMLP(seed=seed), 0.01, 5, multi_step_loss_steps=n // 3
        ),
        cosine,
    ),
    "MetaSGD": (lambda seed, n: learners.MetaSGD(networks.SinusoidMLP(seed=seed), 0.01, 5), adam),
    "MetaCurvature": (
        lambda seed, n: learners.MetaCurvature(networks.SinusoidMLP(seed=seed), 0.01, 5),
        adam,
    ),
    "CAVIA": (lambda seed, n: learners.CAVIA(waves_with_context(seed), 1.0, 5), adam),
    "ANIL": (lambda seed, n: learners.ANIL(networks.SinusoidMLP(seed=seed), 0.01, 5), adam),
    "BOIL": (lambda seed, n: learners.BOIL(networks.SinusoidMLP(seed=seed), 0.01, 5), adam),
    "FOMAML": (
        lambda seed, n: learners.MAML(networks.SinusoidMLP(seed=seed), 0.01, 5, first_order=True),
        adam,
    ),
    "Reptile": (
        lambda seed, n: learners.Reptile(networks.SinusoidMLP(seed=seed), 0.01, 5),
        towards_adapted_weights,
    ),
    "ImplicitMAML": (
        lambda seed, n: learners.ImplicitMAML(
            networks.SinusoidMLP(seed=seed), 0.01, 16, regularization=0.5
        ),
        adam,
    ),
    # Without gradients, to compare with.
    "InContextLearner": (
        lambda seed, n: learners.InContextLearner(
            points(seed), width=64, num_blocks=3, num_values=1, seed=seed
        ),
        adam,
    ),
}
OMNIGLOT = {
    "MAML": (lambda seed, n: learners.MAML(networks.Conv4(5, seed=seed), 0.4, 1, 3), adam),
    "MAML++": (
        lambda seed, n: learners.MAMLPlusPlus(
            networks.Conv4(5, seed=seed), 0.1, 3, multi_step_loss_steps=n // 3
        ),
        cosine,
    ),
    "MetaSGD": (lambda seed, n: learners.MetaSGD(networks.Conv4(5, seed=seed), 0.1, 1), adam),
    "MetaCurvature": (
        lambda seed, n: learners.MetaCurvature(networks.Conv4(5, seed=seed), 0.1, 1),
        adam,
    ),
    "CAVIA": (lambda seed, n: learners.CAVIA(drawings_with_context(seed), 1.0, 2), adam),
    "ANIL": (
        lambda seed, n: learners.ANIL(networks.Conv4(5, seed=seed), 0.4, 1, eval_inner_steps=3),
        adam,
    ),
    "BOIL": (lambda seed, n: learners.BOIL(networks.Conv4(5, seed=seed), 0.4, 1), adam),
    "FOMAML": (
        lambda seed, n: learners.MAML(
            networks.Conv4(5, seed=seed), 0.4, 1, eval_inner_steps=3, first_order=True
        ),
        adam,
    ),
    "ProtoMAML": (lambda seed, n: learners.ProtoMAML(embedding(seed), 0.01, 1, 5), adam),
    "Reptile": (
        lambda seed, n: learners.Reptile(
            networks.Conv4(5, seed=seed),
            inner_steps=5,
            inner_batch_size=10,
            eval_inner_steps=50,
            inner_optimizer=Adam(1e-3, beta_1=0.0),
        ),
        towards_adapted_weights,
    ),
    "ImplicitMAML": (
        lambda seed, n: learners.ImplicitMAML(networks.Conv4(5, seed=seed), 0.1, 8),
        adam,
    ),
}


def measure(learner, test, metric):
    """Mean over tasks with its interval."""
    values = metrics.task_values(learner, test, metric)
    mean, half_width = metrics.task_interval(values)
    median = np.median(np.nan_to_num(values, nan=np.inf))
    figures = {"mean": mean, "half_width_95": half_width, "median": median}
    plain = {
        name: round(float(x), 4) if np.isfinite(x) else "diverged" for name, x in figures.items()
    }
    return {**plain, "tasks": len(values)}


def sinusoid(arguments, name):
    make, optimizer = SINUSOID[name]
    learner = make(arguments.seed, arguments.iterations)
    learner.compile(optimizer(arguments.iterations), "mse", steps_per_execution=100)
    train = episodes.Sinusoid(num_shots=5, num_queries=10, seed=arguments.seed).as_dataset(25)
    test = episodes.Sinusoid(num_shots=5, num_queries=100, seed=arguments.seed + 1)
    seconds = fit(learner, train, arguments.iterations)
    result = measure(learner, test.as_dataset(100, num_batches=100), "mse")
    return {"seconds": seconds, "mse": result}


def drawings(arguments, name):
    make, optimizer = OMNIGLOT[name]
    learner = make(arguments.seed, arguments.iterations)
    learner.compile(
        optimizer(arguments.iterations),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    train_data, test_data = omniglot.load(arguments.data)
    # Reptile learns from all examples that the others split into support and queries.
    shots = 5 if name == "Reptile" else 1
    train = episodes.EpisodeSampler(
        *episodes.with_rotations(*train_data), 5, shots, 1, seed=arguments.seed
    )
    test = episodes.EpisodeSampler(*test_data, 5, 1, 1, seed=arguments.seed + 1)
    seconds = fit(learner, train.as_dataset(16), arguments.iterations)
    result = {"seconds": seconds}
    modes = {"transductive": "transductive", "inductive": "support"}
    if learner.batch_norm == "per_step":
        modes["inductive"] = "per_step"
    for kind, mode in modes.items():
        learner.batch_norm = mode
        fixed = test.as_dataset(50, num_batches=20)
        result[kind] = {"batch_norm": mode, **measure(learner, fixed, "accuracy")}
    return result


def fit(learner, data, iterations):
    started = time.time()
    epochs = max(1, iterations // 500)
    learner.fit(data, steps_per_epoch=iterations // epochs, epochs=epochs, verbose=0)
    return round(time.time() - started, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=["sinusoid", "omniglot"])
    parser.add_argument("--data", help="omniglot28.npz")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learners", nargs="+")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    arguments.iterations = arguments.iterations or (5000 if arguments.study == "sinusoid" else 3000)
    keras_meta.config.one_task_per_core()
    table, study = (SINUSOID, sinusoid) if arguments.study == "sinusoid" else (OMNIGLOT, drawings)
    default = f"benchmarks/results/gradient_family_{arguments.study}.json"
    out = pathlib.Path(arguments.out or default)
    data = " --data omniglot28.npz" if arguments.study == "omniglot" else ""
    result = {
        "command": f"python benchmarks/gradient_family.py {arguments.study}{data} "
        f"--iterations {arguments.iterations} --seed {arguments.seed}"
        + (f" --out {out}" if str(out) != default else ""),
        "seed": arguments.seed,
        "iterations": arguments.iterations,
        "learners": {},
        "versions": record.versions(),
    }
    if out.exists():
        before = json.loads(out.read_text())
        # Learners measured by the same command stay; each is independent of the others.
        if before["command"] == result["command"]:
            result["learners"] = before["learners"]
    for name in arguments.learners or table:
        keras.utils.set_random_seed(arguments.seed)
        result["learners"][name] = study(arguments, name)
        print(name, result["learners"][name], flush=True)
        out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
