"""Trains on all intents of CLINC150 and serves others, of a library's desk, from the SavedModel.

    python benchmarks/served_intents.py --data clinc150

Strings go in, and the intents were never seen: three sentences of each are known.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

import intent_data
import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta

KNOWN = {
    "renew": ["i need this novel for another week", "extend my loan please", "can i renew a book"],
    "fine": ["what do i owe for being late", "is there a fee on my card", "pay an overdue fine"],
    "room": ["reserve a study room", "is a group room free at noon", "i want to book a quiet desk"],
    "damage": ["a page is torn", "i spilled coffee on a book", "the cover of my copy is broken"],
    "search": ["do you have anything on whales", "find me a book by tolstoy", "where are the maps"],
    "join": ["how do i get a library card", "sign me up as a member", "i would like to register"],
}
ASKED = {
    "renew": [
        "extend the loan of these two",
        "could i keep the novel longer",
        "renew all my books",
    ],
    "fine": ["how high is my fine", "do i have to pay for being late", "i owe a fee , how much"],
    "room": ["book the group room for me", "any study desk free today", "i need a room at noon"],
    "damage": ["my dog has torn the cover", "there is coffee on this page", "the copy is damaged"],
    "search": ["have you got books on maps", "find something by austen", "anything about whales"],
    "join": ["i want to become a member", "can i register here", "how does one get a card"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with data_full.json, domains.json")
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/served_intents.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    parts = intent_data.load(arguments.data).values()
    texts, intents = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    data = intent_data.Intents(texts, intents, np.array([]))
    support = [sentence for sentences in KNOWN.values() for sentence in sentences]
    queries = [sentence for sentences in ASKED.values() for sentence in sentences]
    labels, expected = np.repeat(np.arange(6), 3), np.repeat(np.arange(6), 3)
    result = {
        "command": "python benchmarks/served_intents.py --data clinc150 "
        f"--iterations {arguments.iterations} --seeds {' '.join(map(str, arguments.seeds))}",
        "intents": len(set(intents)),
        "of_18_right_by_seed": [],
        "seconds_of_training_by_seed": [],
    }
    for seed in arguments.seeds:
        learner = keras_meta.learners.RidgeLearner(intent_data.words_and_ngrams(texts, seed))
        learner.compile(
            keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(True)
        )
        started = time.time()
        stream = intent_data.tasks(data, 20, 1, 4, seed=seed)
        learner.fit(stream, steps_per_epoch=arguments.iterations, verbose=0)
        result["seconds_of_training_by_seed"].append(round(time.time() - started))
        with tempfile.TemporaryDirectory() as folder:
            learner.export(folder, verbose=False)
            serve = tf.saved_model.load(folder).signatures["serve"]
            arrays = {
                "support_x": tf.constant([support]),
                "support_y": tf.constant(labels[None].astype("int32")),
                "query_x": tf.constant([queries]),
            }
            times = []
            for _ in range(20):
                started = time.perf_counter()
                predictions = serve(**arrays)["predictions"].numpy()[0]
                times.append(1000 * (time.perf_counter() - started))
        result["of_18_right_by_seed"].append(int((predictions.argmax(-1) == expected).sum()))
        print(result, [queries[k] for k in np.flatnonzero(predictions.argmax(-1) != expected)])
    result["milliseconds_to_learn_and_answer_18"] = round(statistics.median(times), 1)
    record.write(arguments.out, {**result, "versions": record.versions()})


if __name__ == "__main__":
    main()
