"""Few-shot intents in domains that were never seen.

    python benchmarks/intents.py --data clinc150

CLINC150 has ten domains of fifteen intents. Six train, two choose, two test. Three stages, of which
`--stages` may name some; what an earlier run of the same command has measured is not repeated:

- `bodies`: networks that embed a sentence, with ridge regression and with MAML, validation domains;
- `learners`: learners on the best body, validation domains;
- `test`: the best learner with each seed, in test domains, beside baselines whose settings are
  chosen in validation domains: by the examples alone and with the names of the intents, then the
  detection of sentences that have none of the intents.
"""

import argparse
import json
import pathlib
import time

import intent_data
import keras
import numpy as np
import record

import keras_meta
from keras_meta import baselines, generators, learners, metrics
from keras_meta.inner_optimizers import SGD, Learned

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SETTINGS = [(5, 1), (5, 5), (15, 1), (15, 5)]
VALIDATION_SEED, TEST_SEED = 77, 78


def rates():
    """Learned inner rates, one for each layer and step."""
    return SGD(Learned(0.1, per="layer", per_step=True), global_clipnorm=1.0)


# By closed form or distance, with any number of ways; by gradient steps, for five.
OPEN = {
    "ridge regression": learners.RidgeLearner,
    "prototypes": learners.PrototypicalNetwork,
    "logistic regression": learners.LogisticLearner,
    "support vector machine": learners.SVMLearner,
    "generated logistic regression": lambda body: learners.LearnerGenerator(
        body, generators.LogisticRegression()
    ),
}
STEPS = {
    "MAML": lambda model: learners.MAML(model, inner_steps=3, inner_optimizer=rates()),
    "ANIL": lambda model: learners.ANIL(model, inner_steps=5, inner_optimizer=rates()),
    "Meta-SGD": lambda model: learners.MetaSGD(model, inner_learning_rate=0.1, inner_steps=3),
}


def trained(name, body, data, iterations, seed=0, names=False):
    """Builds and trains a learner.

    Returns:
        Tuple `(learner, seconds)`.
    """
    if name in OPEN:
        learner, ways = OPEN[name](body), 20
    else:
        learner, ways = STEPS[name](with_head(body, 5)), 5
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(1e-3, iterations), global_clipnorm=1.0
    )
    learner.compile(optimizer, LOSS)
    started = time.time()
    stream = intent_data.tasks(data["train"], ways, 1, 4, seed=seed, names=names)
    learner.fit(
        stream,
        steps_per_epoch=iterations,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    return learner, time.time() - started


def with_head(body, ways):
    """Returns the body with a linear layer."""
    outputs = keras.layers.Dense(ways)(body.output)
    return keras.Model(body.inputs, outputs)


def on_validation(name, body, data, arguments):
    """Trains a learner; its accuracy, and that with other ways and shots where it has them."""
    body = intent_data.BODIES[body](data["train"].texts)
    learner, seconds = trained(name, body, data, arguments.iterations)
    found = {"seconds_of_training": round(seconds)}
    for ways, shots in SETTINGS if name in OPEN else SETTINGS[:1]:
        tasks = intent_data.tasks(
            data["validation"], ways, shots, 20, arguments.tasks, seed=VALIDATION_SEED
        )
        found[f"{ways}-way {shots}-shot"] = record.interval(metrics.task_values(learner, tasks))
    return found


def best(found):
    """Name of the highest accuracy at 5-way 1-shot."""
    return max(found, key=lambda name: found[name]["5-way 1-shot"]["mean"])


def pretrained(build, data, epochs):
    """Bodies trained to tell all training intents apart, for each number of epochs."""
    found = []
    for number in epochs:
        keras.utils.set_random_seed(0)
        body = build(data.texts)
        # Of vectors of length 1, a linear layer learns slowly.
        scaled = keras.Model(body.inputs, keras.layers.Rescaling(10.0)(body.output))
        model = baselines.pretrain_classifier(
            with_head(scaled, 2),
            data.texts,
            data.intents,
            keras.optimizers.Adam(1e-3),
            batch_size=128,
            epochs=number,
            verbose=0,
        )
        found.append(keras_meta.networks.embedding(model))
    return found


def untrained_ridge(body):
    """Ridge regression on a body as it is, for several penalties."""
    found = []
    for penalty in (0.01, 0.1, 1.0):
        learner = learners.RidgeLearner(body, regularization=penalty, name=f"penalty {penalty}")
        learner.compile(loss=LOSS)
        found.append(baselines.OfLearner(learner))
    return found


def heads(bodies, ways):
    """Heads on the frozen features of bodies, to choose from."""
    kinds = [baselines.NearestCentroid]
    if ways == 5:  # it takes minutes for more
        kinds.append(baselines.FrozenLogisticRegression)
    return [kind(body) for body in bodies for kind in kinds] + [
        ridge for body in bodies for ridge in untrained_ridge(body)
    ]


def fine_tuned(body, ways):
    """All weights, by Adam."""
    model = with_head(body, ways)
    return [baselines.FineTuning(model, rate, (1, 5, 20)) for rate in (0.01, 0.1)]


def all_baselines(body, data):
    """dict, name of a baseline to a function from a number of ways to its candidates."""
    train, build = data["train"], intent_data.BODIES[body]
    whole = pretrained(build, train, (4, 8))
    others = {
        f"frozen features of {name}": pretrained(intent_data.BODIES[name], train, (4, 8))
        for name in ("convolution", "LSTM", "transformer")
    }
    tf_idf, fresh = intent_data.tf_idf(train.texts), build(train.texts)
    return {
        "tf-idf of n-grams": lambda ways: heads([tf_idf], ways),
        "untrained body": lambda ways: heads([fresh], ways),
        "frozen features of the same body": lambda ways: heads(whole, ways),
        **{name: lambda ways, found=found: heads(found, ways) for name, found in others.items()},
    }


def slow_baselines(body, data):
    """Those that take minutes, for few examples only."""
    train, build = data["train"], intent_data.BODIES[body]
    (whole,) = pretrained(build, train, (4,))
    fresh = build(train.texts)
    return {
        "pre-trained, fine-tuned": lambda ways: fine_tuned(whole, ways),
        "fine-tuned from scratch": lambda ways: fine_tuned(fresh, ways),
    }


def of_baselines(contenders, data, ways, shots, names, arguments):
    """Chooses the settings of all baselines in validation domains, and tests those.

    Returns:
        Tuple of two dicts by name: accuracies of the test tasks, settings.
    """
    validation = intent_data.tasks(
        data["validation"], ways, shots, 20, 60, seed=VALIDATION_SEED, names=names
    )
    test = test_tasks(data, ways, shots, names, arguments)
    values, settings = {}, {}
    for name, of_ways in contenders.items():
        started = time.time()
        chosen, position = baselines.choose(of_ways(ways), validation, "accuracy", LOSS)
        values[name] = chosen.task_values(test, "accuracy", LOSS)[:, position]
        settings[name] = f"{type(chosen).__name__}, {chosen.settings[position]}"
        seconds = time.time() - started
        print(f"  {name}: {values[name].mean():.4f}, {settings[name]}, {seconds:.0f} s", flush=True)
    return values, settings


def test_tasks(data, ways, shots, names, arguments):
    return intent_data.tasks(
        data["test"], ways, shots, 20, arguments.tasks, seed=TEST_SEED, names=names
    )


def compared(values, others, settings):
    """The record of a learner beside baselines on the same test tasks."""
    found = baselines.BaselineComparison("meta-learned", values, others, settings, "accuracy")
    return {
        "accuracy": record.interval(values),
        "verdict": found.verdict,
        "baselines": {
            name: {
                "accuracy": record.interval(of_baseline),
                "learner_less_baseline_paired": record.interval(values - of_baseline),
                "setting": settings[name],
            }
            for name, of_baseline in others.items()
        },
    }


def out_of_scope(learner, data, ways, shots, tasks=200):
    """How well the greatest logit tells queries from sentences without any of the intents.

    The threshold is the one with the best accuracy in validation domains. A sentence counts as
    right if it is refused and out of scope, or else accepted and of the predicted intent.
    """
    scored = {}
    for split, seed in (("validation", VALIDATION_SEED), ("test", TEST_SEED)):
        outside = np.random.default_rng(seed).permutation(data[split].out_of_scope)
        inside, right, without = [], [], []
        stream = intent_data.tasks(data[split], ways, shots, 1, tasks, seed=seed)
        for number, (inputs, y) in enumerate(stream):
            size = y.shape[1]
            chosen = np.take(outside, range(size * number, size * (number + 1)), mode="wrap")
            queries = np.concatenate([inputs["query_x"].numpy()[0], chosen])[None]
            logits = learner.predict_on_batch(
                {**inputs, "query_x": keras.ops.convert_to_tensor(queries)}
            )[0]
            inside.append(logits[:size].max(-1))
            right.append(logits[:size].argmax(-1) == y.numpy()[0])
            without.append(logits[size:].max(-1))
        scored[split] = [np.stack(values) for values in (inside, right, without)]

    inside, right, without = scored["validation"]
    threshold = metrics.refusal_threshold(inside, right, without)
    inside, right, without = scored["test"]
    area = metrics.area_under_curve(inside, without)
    accuracy = metrics.accuracy_with_refusal(threshold, inside, right, without)
    return {
        "area_under_the_curve": record.interval(area),
        "accuracy_at_threshold": record.interval(accuracy),
        "accuracy_of_those_in_scope_without_refusal": record.interval(right.mean(1)),
    }


def on_test(result, data, arguments):
    """Compares the best learner with baselines, and writes after each part."""
    body, name = best(result["bodies"]["ridge regression"]), best(result["learners"])
    result["test"] |= {"body": body, "learner": name}
    contenders = None
    for names in (False, True):
        trained_by_seed = {}
        for ways, shots in SETTINGS:
            key = f"{ways}-way {shots}-shot" + ", names" * names
            if key in result["test"]:
                continue
            print(key, flush=True)
            contenders = contenders or all_baselines(body, data)
            some = dict(contenders)
            if (ways, shots, names) == (5, 1, False):
                some |= slow_baselines(body, data)
            others, settings = of_baselines(some, data, ways, shots, names, arguments)
            part = {}
            for seed in arguments.seeds:
                if seed not in trained_by_seed:
                    net = intent_data.BODIES[body](data["train"].texts, seed)
                    trained_by_seed[seed] = trained(
                        name, net, data, arguments.iterations, seed, names
                    )
                learner, seconds = trained_by_seed[seed]
                values = metrics.task_values(
                    learner, test_tasks(data, ways, shots, names, arguments)
                )
                part[f"seed {seed}"] = compared(values, others, settings)
                part[f"seed {seed}"]["seconds_of_training"] = round(seconds)
                if not names:
                    found = out_of_scope(learner, data, ways, shots)
                    part[f"seed {seed}"]["out_of_scope"] = found
                print(f"  seed {seed}: {part[f'seed {seed}']['verdict']}", flush=True)
            result["test"][key] = part
            record.write(arguments.out, result)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with data_full.json, domains.json")
    parser.add_argument("--iterations", type=int, default=600, help="of meta-training")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    stages = ["bodies", "learners", "test"]
    parser.add_argument("--stages", nargs="+", choices=stages, default=stages)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/intents.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    data = intent_data.load(arguments.data)
    settings = {key: getattr(arguments, key) for key in ("iterations", "tasks", "seeds")}
    result = {
        "command": "python benchmarks/intents.py --data clinc150 "
        f"--iterations {arguments.iterations} --tasks {arguments.tasks} "
        f"--seeds {' '.join(map(str, arguments.seeds))}",
        **settings,
        "bodies": {"ridge regression": {}, "MAML": {}},
        "learners": {},
        "test": {},
        "versions": record.versions(),
    }
    if arguments.out.exists():
        before = json.loads(arguments.out.read_text())
        if before.get("command") == result["command"]:
            result = before
    if "bodies" in arguments.stages:
        for name, found in result["bodies"].items():
            for body in intent_data.BODIES:
                if body not in found:
                    found[body] = on_validation(name, body, data, arguments)
                    print(name, body, found[body], flush=True)
                    record.write(arguments.out, result)
    if "learners" in arguments.stages:
        body, found = best(result["bodies"]["ridge regression"]), result["learners"]
        for name in [*OPEN, *STEPS]:
            if name not in found:
                known = result["bodies"].get(name, {}).get(body)
                found[name] = known or on_validation(name, body, data, arguments)
                print(name, found[name], flush=True)
                record.write(arguments.out, result)
    if "test" in arguments.stages:
        on_test(result, data, arguments)


if __name__ == "__main__":
    main()
