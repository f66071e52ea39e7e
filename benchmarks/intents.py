"""Few-shot intent classification in domains that were never seen, and whether meta-learning pays.

    python benchmarks/intents.py --data clinc150

CLINC150 has ten domains of fifteen intents. Six domains train (words, networks, settings of the
outer loop), two choose the settings of the baselines, two test. Two learners, 5-way 1-shot:

- a small transformer, pre-trained to tell all training intents apart, whose LoRA weights in the
  feed-forward layers and the head are adapted: `MAML(adapted_weights="lora")`, its
  other weights frozen;
- an LSTM, pre-trained likewise and then meta-trained, adapted wholly.

Each is compared with baselines on its own architecture, on the same tasks: fine-tuned from scratch,
fine-tuned from the pre-trained weights, and two heads on the frozen pre-trained features. At the
end a meta-step of the transformer is timed, with all weights adapted and with a part of them.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta
from keras_meta import baselines, episodes, learners
from keras_meta.exact.copying import clone
from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.outer_loop.episode import Episode

LENGTH, WORDS, WIDTH = 16, 3000, 64
WAYS, SHOTS, QUERIES = 5, 1, 5
SPLIT = {"train": slice(0, 6), "validation": slice(6, 8), "test": slice(8, 10)}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def load(folder):
    """dict, split to `(word numbers [examples, LENGTH], intents [examples])`."""
    folder = pathlib.Path(folder)
    domains = json.loads((folder / "domains.json").read_text())
    data = json.loads((folder / "data_full.json").read_text())
    examples = [pair for part in ("train", "val", "test") for pair in data[part]]
    texts, intents = (np.array(column) for column in zip(*examples, strict=True))
    of_split = {
        split: np.isin(intents, sum((domains[d] for d in sorted(domains)[part]), []))
        for split, part in SPLIT.items()
    }
    words = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    words.adapt(texts[of_split["train"]])
    numbers = words(texts).numpy().astype("int32")
    return {split: (numbers[chosen], intents[chosen]) for split, chosen in of_split.items()}


@keras.saving.register_keras_serializable("intents")
class AddPositions(keras.layers.Layer):
    """Adds a learned vector for each position."""

    supports_masking = True

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="uniform", name="table")

    def call(self, x):
        return x + self.table


def transformer():
    """Two blocks. Padding neither is attended to nor counts in the mean."""
    layers = keras.layers
    words = keras.Input((LENGTH,), dtype="int32")
    x = AddPositions()(layers.Embedding(WORDS, WIDTH, mask_zero=True)(words))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, WIDTH // 4)(y, y)])
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(WIDTH)(layers.Dense(2 * WIDTH, "gelu")(y))])
    return keras.Model(words, layers.Dense(WAYS)(layers.GlobalAveragePooling1D()(x)))


def lstm():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, WIDTH, mask_zero=True),
            layers.LSTM(WIDTH),
            layers.Dense(WAYS),
        ]
    )


def with_lora(model):
    """A copy whose feed-forward layers and head have LoRA weights, all else frozen."""
    model = clone(model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(4)
            layer.bias.trainable = False
        else:
            layer.trainable = False
    return model


def learned_rates(initial):
    return SGD(Learned(initial, per="layer", per_step=True), global_clipnorm=1.0)


LEARNERS = {
    "transformer": (
        transformer,
        lambda model: learners.MAML(
            with_lora(model),
            inner_steps=5,
            adapted_weights="lora",
            inner_optimizer=learned_rates(0.1),
        ),
    ),
    "lstm": (
        lstm,
        lambda model: learners.MAML(
            clone(model), inner_steps=3, inner_optimizer=learned_rates(0.1)
        ),
    ),
}


def measure(name, data, arguments):
    """Trains one learner and compares it with its baselines."""
    build, make = LEARNERS[name]
    keras.utils.set_random_seed(arguments.seed)
    untrained = build()
    started = time.time()
    pretrained = baselines.pretrain_classifier(
        untrained,
        *data["train"],
        keras.optimizers.Adam(1e-3),
        batch_size=128,
        epochs=arguments.epochs,
        verbose=2,
    )
    seconds_of_pretraining = time.time() - started
    learner = make(pretrained)
    decay = keras.optimizers.schedules.CosineDecay(1e-3, arguments.iterations)
    optimizer = keras.optimizers.Adam(decay, global_clipnorm=1.0)
    learner.compile(optimizer, LOSS, metrics=["accuracy"])
    tasks = {
        split: episodes.EpisodeSampler(*data[split], WAYS, SHOTS, QUERIES, seed=arguments.seed)
        for split in SPLIT
    }
    started = time.time()
    epochs = max(1, arguments.iterations // 100)
    learner.fit(
        tasks["train"].as_dataset(8),
        steps_per_epoch=arguments.iterations // epochs,
        epochs=epochs,
        verbose=2,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    seconds = time.time() - started
    features, steps = keras_meta.networks.embedding(pretrained), (1, 3, 10)
    found = baselines.compare(
        learner,
        tasks["test"].as_dataset(20, num_batches=arguments.tasks // 20),
        tasks["validation"].as_dataset(20, num_batches=3),
        {
            "fine-tuned from scratch": [
                baselines.FineTuning(untrained, rate, steps) for rate in (0.001, 0.01)
            ],
            "pre-trained, fine-tuned": [
                baselines.FineTuning(pretrained, rate, steps, head)
                for rate, head in ((0.001, False), (0.01, False), (0.03, True))
            ],
            "frozen features, nearest centroid": baselines.NearestCentroid(features),
            "frozen features, logistic regression": baselines.FrozenLogisticRegression(features),
        },
    )
    print(found, flush=True)
    return {
        "accuracy": record.interval(found.values),
        "baselines": {
            baseline: {
                "accuracy": record.interval(values),
                "learner_less_baseline_paired": record.interval(found.values - values),
                "setting": found.settings[baseline],
            }
            for baseline, values in found.baselines.items()
        },
        "verdict": found.verdict,
        "adapted_weights": _count(learner._adapted_variables()[0]),
        "weights": learner.model.count_params(),
        "seconds_of_pretraining": round(seconds_of_pretraining, 1),
        "seconds_of_meta_training": round(seconds, 1),
    }


def _count(variables):
    return int(sum(np.prod(v.shape) for v in variables))


def step_times(data, repeats=30):
    """Milliseconds of a meta-gradient of the transformer, medians in turn, 8 tasks, 5 steps."""
    batch = next(iter(episodes.EpisodeSampler(*data["train"], WAYS, SHOTS, QUERIES).as_dataset(8)))

    def frozen_body():
        model = transformer()
        for layer in model.layers[:-1]:
            layer.trainable = False
        return model

    kinds = {
        "all weights adapted": learners.MAML(transformer(), 0.1, 5),
        "LoRA adapted, all else frozen": learners.MAML(
            with_lora(transformer()), 0.1, 5, adapted_weights="lora"
        ),
        "head adapted, all else frozen": learners.MAML(frozen_body(), 0.1, 5),
    }
    functions = {}
    for name, learner in kinds.items():
        learner.compile("sgd", LOSS)
        functions[name] = tf.function(learner.meta_gradients, autograph=False)
        functions[name](Episode(*batch))
    times = {name: [] for name in kinds}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            function(Episode(*batch))
            times[name].append(1000 * (time.perf_counter() - started))
    medians = {name: float(np.median(values)) for name, values in times.items()}
    whole = medians["all weights adapted"]
    return {
        name: {
            "milliseconds": round(medians[name], 1),
            "part_of_all": round(medians[name] / whole, 3),
            "adapted_weights": _count(learner._adapted_variables()[0]),
        }
        for name, learner in kinds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with data_full.json, domains.json")
    parser.add_argument("--epochs", type=int, default=5, help="of pre-training")
    parser.add_argument("--iterations", type=int, default=200, help="of meta-training")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=["step", *LEARNERS])
    parser.add_argument("--out", default="benchmarks/results/intents.json")
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    data = load(arguments.data)
    result = {
        "command": "python benchmarks/intents.py --data clinc150 --epochs "
        f"{arguments.epochs} --iterations {arguments.iterations} --tasks {arguments.tasks} "
        f"--seed {arguments.seed}",
        "tasks": arguments.tasks,
        "ways": WAYS,
        "shots": SHOTS,
        "queries_a_class": QUERIES,
        "test_domains": sorted(
            json.loads((pathlib.Path(arguments.data) / "domains.json").read_text())
        )[SPLIT["test"]],
        "learners": {},
        "versions": record.versions(),
    }
    out = pathlib.Path(arguments.out)
    if out.exists():
        before = json.loads(out.read_text())
        # What the same command has measured stays; each part is independent of the others.
        if before["command"] == result["command"]:
            result = {**before, "versions": result["versions"]}
    for name in arguments.only or ["step", *LEARNERS]:
        if name == "step":
            result["meta_gradient"] = step_times(data)
            print(json.dumps(result["meta_gradient"], indent=2), flush=True)
        else:
            result["learners"][name] = measure(name, data, arguments)
        out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
