"""Books for users of whom 5, 10 or 20 ratings are known: meta-learners beside recommenders.

    python benchmarks/recommendation.py --data goodbooks

Users are tasks: no test user is among those that train, and new books have no rating of them.
Three stages, of which `--stages` may name some; what an earlier run of the same command has
measured is not repeated:

- `choose`: settings of learners and recommenders, by the ratings of validation users;
- `test`: the chosen ones on test users, learners with each seed, paired with the recommenders;
- `reading`: which of all books a user goes on to read and like, with settings chosen likewise.
"""

import argparse
import functools
import json
import pathlib
import time

import numpy as np
import rating_baselines
import rating_data
import rating_networks
import reading
import record
from rating_evaluation import Queries, mean_of, readings
from rating_learners import KNOWN, LEARNERS, FineTuned, Trained

import keras_meta

METRICS = ("mean_absolute_error", "root_mean_squared_error", "ndcg_at_5")
LEARNED_FROM = (16, 10.0)  # factors and penalty of the embeddings that learners start from


def recommenders(data):
    """Yields `(name, setting, function that makes it)` of all recommenders."""
    train, books = data.train, len(data.seen)
    for of_item in (2.0, 5.0, 10.0):
        make = functools.partial(rating_baselines.Bias, train, books, of_item, np.inf)
        yield "item mean", f"{of_item:g}", make
    for of_item in (2.0, 5.0, 10.0):
        for of_user in (0.5, 1.0, 2.0, 3.0, 5.0):
            make = functools.partial(rating_baselines.Bias, train, books, of_item, of_user)
            yield "item and user bias", f"{of_item:g}, {of_user:g}", make
    contents = rating_baselines.one_hot(data)
    for size in (4, 8, 16, 32):
        for penalty in (3.0, 5.0, 10.0, 20.0):

            @functools.cache
            def factors(size=size, penalty=penalty):
                made = rating_baselines.Factors(train, books, size, penalty)
                # Only books without ratings have other factors then.
                return made.with_features(contents, train, 10.0)

            for times in (0.5, 1.0, 2.0):
                for of_bias in (1.0, 2.0, 4.0):
                    yield (
                        "matrix factorisation, folded in",
                        f"{size} factors, penalty {penalty:g}, of new users {times * penalty:g}, "
                        f"of their biases {of_bias:g}",
                        lambda f=factors, p=times * penalty, b=of_bias: f().folded(p, b),
                    )
    correlations = functools.cache(functools.partial(rating_baselines.Correlations, train, books))
    for shrinkage in (2.0, 5.0, 10.0, 20.0):

        @functools.cache
        def neighbours(shrinkage=shrinkage):
            return rating_baselines.Neighbours(correlations(), shrinkage, 1.0)

        for constant in (0.1, 0.3, 0.5, 1.0):
            yield (
                "nearest neighbours",
                f"shrinkage {shrinkage:g}, constant {constant:g}",
                lambda near=neighbours, constant=constant: near().with_constant(constant),
            )


class Users:
    """New users with what is asked about them: other books of theirs, and books that are new."""

    def __init__(self, users):
        self.known_book, self.known_value = users.known_book, users.known_value
        count = len(users.known_book)
        self.asked = {
            "held back": Queries(users.held_back, count),
            "new books": Queries(users.new_books, count),
        }

    def known(self, number):
        return self.known_book[:, :number], self.known_value[:, :number]


def better(best, key, error, *details):
    """Notes the details of the least error."""
    if key not in best or error < best[key][0]:
        best[key] = (error, *details)


def choose_recommenders(data, users):
    """The best setting of each recommender, by number of known ratings and by what is asked.

    Returns:
        dict, name to dict, `"5 known, held back"` to a dict of setting, reading and error.
    """
    best = {}
    for name, setting, make in recommenders(data):
        made = make()
        for number in KNOWN:
            scores = np.clip(made.scores(*users.known(number)), 1, 5)
            for asked, queries in users.asked.items():
                for read, stars in readings(queries.of(scores)).items():
                    error = float(np.nanmean(queries.errors(stars)))
                    better(best, (name, f"{number} known, {asked}"), error, setting, read)
    return _as_dict(best)


def _as_dict(best):
    found = {}
    for (name, case), (error, setting, read) in best.items():
        details = {"setting": setting, "reading": read, "error": round(error, 4)}
        found.setdefault(name, {})[case] = details
    return found


def best_readings(probabilities, users, cases, setting):
    """The best reading for each case, of a function from a number known to probabilities."""
    best = {}
    for number in KNOWN:
        for asked, queries in users.asked.items():
            case = f"{number} known, {asked}"
            if case not in cases:
                continue
            found = probabilities(number, queries)
            for read, stars in readings(mean_of(found), found).items():
                error = float(np.nanmean(queries.errors(stars)))
                better(best, ("", case), error, setting, read)
    return _as_dict(best)[""]


def cases_of(users):
    return [f"{number} known, {asked}" for number in KNOWN for asked in users.asked]


def fine_tuned_probabilities(tuned, users, number):
    """dict, what is asked to probabilities `[settings, users, queries, 4]`, tuned once for all."""
    books = [queries.book for queries in users.asked.values()]
    found = tuned.probabilities(*users.known(number), np.concatenate(books, 1))
    parts = np.split(found, np.cumsum([book.shape[1] for book in books])[:-1], axis=2)
    return dict(zip(users.asked, parts, strict=True))


def training_error(users):
    """Returns a function from a learner to the error of its medians at 5 known ratings."""
    queries = users.asked["held back"]

    def error(learner):
        found = learner.probabilities(*users.known(5), queries.book)
        return float(queries.errors(1.0 + (found > 0.5).sum(-1)).mean())

    return error


class Benchmark:
    """The stages, and what they have found so far."""

    def __init__(self, arguments, result):
        self.arguments, self.result = arguments, result
        self.data = rating_data.load(arguments.data)
        self.users = {"validation": Users(self.data.validation), "test": Users(self.data.test)}
        self.table = rating_networks.training_table(self.data.train, self.data.features)
        self.factors = {}
        self.started = time.time()

    def write(self):
        record.write(self.arguments.out, self.result)

    def trained(self, name, setting, seed):
        """Trains a learner."""
        size, penalty = setting.get("factors", LEARNED_FROM)
        key = size, penalty
        if key not in self.factors:
            self.factors[key] = rating_baselines.Factors(
                self.data.train, len(self.data.seen), size, penalty
            )
        setting = {key: value for key, value in setting.items() if key != "factors"}
        return Trained(
            name,
            self.data,
            self.table,
            self.factors[key],
            setting,
            seed,
            self.arguments.epochs,
            self.arguments.steps,
            training_error(self.users["validation"]),
        )

    def choose(self):
        found, users = self.result["choose"], self.users["validation"]
        if "recommenders" not in found:
            started = time.time()
            found["recommenders"] = choose_recommenders(self.data, users)
            found["seconds_of_recommenders"] = round(time.time() - started)
            print(json.dumps(found["recommenders"], indent=1), flush=True)
            self.write()
        for name, (_, settings) in LEARNERS.items():
            rows = found["learners"].setdefault(name, [])
            for setting in settings[len(rows) :]:
                made = self.trained(name, setting, seed=0)

                def probabilities(number, queries, made=made):
                    return made.probabilities(*users.known(number), queries.book)

                rows.append(
                    {
                        "setting": setting,
                        "error": round(made.error, 4),
                        "epoch": made.epoch,
                        "seconds": round(made.seconds),
                        "cases": best_readings(probabilities, users, cases_of(users), None),
                    }
                )
                five = rows[-1]["cases"][cases_of(users)[0]]["error"]
                print(name, setting, rows[-1]["error"], five, rows[-1]["seconds"], flush=True)
                self.write()
        if "fine-tuning" not in found:
            started = time.time()
            tuned = self.fine_tuned()
            cases, best = cases_of(users), {}
            for number in KNOWN:
                for asked, of_settings in fine_tuned_probabilities(tuned, users, number).items():
                    queries = users.asked[asked]
                    for setting, probabilities in zip(tuned.settings, of_settings, strict=True):
                        read = readings(mean_of(probabilities), probabilities)
                        for name, stars in read.items():
                            error = float(np.nanmean(queries.errors(stars)))
                            better(best, ("", f"{number} known, {asked}"), error, setting, name)
            found["fine-tuning"] = _as_dict(best)[""]
            found["seconds_of_fine_tuning"] = round(time.time() - started)
            print("fine-tuning", found["fine-tuning"][cases[0]], flush=True)
            self.write()

    def fine_tuned(self):
        size, penalty = LEARNED_FROM
        factors = rating_baselines.Factors(self.data.train, len(self.data.seen), size, penalty)
        return FineTuned(self.data, factors)

    def best_of_learners(self):
        """dict, name to the row of the setting with the least error at 5 known ratings."""
        return {
            name: min(rows, key=_error_at_5)
            for name, rows in self.result["choose"]["learners"].items()
        }

    def test(self):
        found, users = self.result["test"], self.users["test"]
        chosen = self.best_of_learners()
        winner = min(chosen, key=lambda name: _error_at_5(chosen[name]))
        self.result["winner_on_validation_users"] = winner
        measured = {}  # case to name to dict of arrays
        for name, setting, make in recommenders(self.data):
            cases = self.result["choose"]["recommenders"][name]
            for number in KNOWN:
                wanted = {
                    asked: cases[f"{number} known, {asked}"]
                    for asked in users.asked
                    if cases[f"{number} known, {asked}"]["setting"] == setting
                }
                if wanted:
                    scores = np.clip(make().scores(*users.known(number)), 1, 5)
                for asked, case in wanted.items():
                    queries = users.asked[asked]
                    mean = queries.of(scores)
                    values = queries.measured(mean, readings(mean)[case["reading"]])
                    measured.setdefault(f"{number} known, {asked}", {})[name] = values
        tuned = self.fine_tuned()
        for number in KNOWN:
            for asked, of_settings in fine_tuned_probabilities(tuned, users, number).items():
                case = self.result["choose"]["fine-tuning"][f"{number} known, {asked}"]
                probabilities = of_settings[tuned.settings.index(case["setting"])]
                values = _measured(users.asked[asked], probabilities, case["reading"])
                measured[f"{number} known, {asked}"]["fine-tuning of one network"] = values
        self.result["test_recommenders"] = {
            case: {
                name: {metric: _interval(values[metric]) for metric in values}
                for name, values in of_case.items()
            }
            for case, of_case in measured.items()
        }
        self.write()
        for name, row in sorted(chosen.items(), key=lambda item: _error_at_5(item[1])):
            for seed in self.arguments.seeds:
                key = f"seed {seed}"
                of_learner = found.setdefault(name, {"setting": row["setting"]})
                if key in of_learner:
                    continue
                made = self.trained(name, row["setting"], seed)
                part = {"epoch": made.epoch, "seconds": round(made.seconds)}
                for number in KNOWN:
                    for asked, queries in users.asked.items():
                        case = f"{number} known, {asked}"
                        values = _measured(
                            queries,
                            made.probabilities(*users.known(number), queries.book),
                            row["cases"][case]["reading"],
                        )
                        part[case] = {metric: _interval(values[metric]) for metric in values}
                        part[case]["less_recommenders_paired"] = {
                            other: {m: _interval(values[m] - theirs[m]) for m in METRICS}
                            for other, theirs in measured[case].items()
                        }
                of_learner[key] = part
                first = part["5 known, held back"]
                print(name, key, {m: first[m]["mean"] for m in METRICS}, flush=True)
                self.write()


def _error_at_5(row):
    """The error of a setting on validation users, at 5 known ratings."""
    return row["cases"]["5 known, held back"]["error"]


def _measured(queries, probabilities, read):
    mean = mean_of(probabilities)
    return queries.measured(mean, readings(mean, probabilities)[read])


def _interval(values):
    return record.interval(values[~np.isnan(values)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with ratings.csv and books.csv")
    parser.add_argument("--epochs", type=int, default=8, help="the most epochs of a learner")
    parser.add_argument("--steps", type=int, default=100, help="iterations of an epoch")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    stages = ["choose", "test", "reading"]
    parser.add_argument("--stages", nargs="+", choices=stages, default=stages)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/recommendation.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    result = {
        "command": "python benchmarks/recommendation.py --data goodbooks "
        f"--epochs {arguments.epochs} --steps {arguments.steps} "
        f"--seeds {' '.join(map(str, arguments.seeds))}",
        "choose": {"learners": {}},
        "test": {},
        "reading": {},
        "versions": record.versions(),
    }
    if arguments.out.exists():
        before = json.loads(arguments.out.read_text())
        if before.get("command") == result["command"]:
            result = before
    benchmark = Benchmark(arguments, result)
    data = benchmark.data
    result["data"] = {
        "users_of_training": len(np.unique(data.train.user)),
        "ratings_of_training": len(data.train.user),
        "users_of_validation": len(data.validation.known_book),
        "users_of_test": len(data.test.known_book),
        "books": len(data.seen),
        "books_of_training": int(data.seen.sum()),
    }
    if "choose" in arguments.stages:
        benchmark.choose()
    if "test" in arguments.stages:
        benchmark.test()
    if "reading" in arguments.stages:
        reading.run(benchmark)


if __name__ == "__main__":
    main()
