"""Images a second that a sampler reads, scales and augments on one core.

taskset -c 0 python benchmarks/augmentation.py
"""

import argparse
import json
import pathlib
import statistics
import time

import keras
import numpy as np
import record
import tensorflow as tf

from keras_meta import episodes
from keras_meta.episodes.augmentation import ColorJitter, RandomCrop, RandomErasing, RandomFlip

WAYS, SHOTS, QUERIES, TASKS = 20, 5, 15, 2


def recipes():
    """Made in `main`, because layers start TensorFlow."""
    return {
        "none": None,
        "crop": [RandomCrop(4)],
        "flip": [RandomFlip()],
        "colour jitter": [ColorJitter()],
        "erasing": [RandomErasing()],
        "crop, colour jitter, flip": [RandomCrop(4), ColorJitter(), RandomFlip()],
        "Keras: translation, flip": [
            keras.layers.RandomTranslation(0.125, 0.125, fill_mode="constant"),
            keras.layers.RandomFlip("horizontal"),
        ],
    }


def images_a_second(augment, size, rounds=30):
    """Best and median over rounds of one meta-batch."""
    images = np.random.default_rng(0).integers(0, 256, (2000, size, size, 3), "uint8")
    labels = np.repeat(np.arange(50), 40)
    sampler = episodes.EpisodeSampler(images, labels, WAYS, SHOTS, QUERIES, augment=augment)
    sample = tf.function(lambda task: sampler.sample(task, TASKS), autograph=False)
    seconds = []
    for task in range(rounds + 1):
        started = time.perf_counter()
        sample(tf.constant(task, tf.int64))
        seconds.append(time.perf_counter() - started)
    count = TASKS * WAYS * (SHOTS + QUERIES)
    of_round = [count / s for s in seconds[1:]]  # the first one traces
    return {"best": round(max(of_round)), "median": round(statistics.median(of_round))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=32, help="of images, in pixels")
    parser.add_argument("--out", default="benchmarks/results/augmentation.json")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    report = {
        "command": f"taskset -c 0 {record.command()}",
        "images_a_second": {
            name: images_a_second(augment, arguments.size) for name, augment in recipes().items()
        },
        "versions": record.versions(),
    }
    print(json.dumps(report, indent=2))
    record.write(pathlib.Path(arguments.out), report)


if __name__ == "__main__":
    main()
