"""A step is traced once, also the first one of a process, when nothing is cached yet."""

import subprocess
import sys

PROGRAM = """
import keras
import keras_meta

layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense(4),
        layers.BatchNormalization(),
        layers.Dropout(0.1),
        layers.Dense(5),
    ]
)
learner = keras_meta.learners.MAML(model, 0.1, batch_norm="running")
traced = []
for name in ("train_step", "test_step"):
    step = getattr(learner, name)
    setattr(learner, name, lambda data, name=name, step=step: (traced.append(name), step(data))[1])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
learner.compile("adam", loss, metrics=["accuracy"])
glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=5, num_shots=1, num_queries=1, num_classes=10)
data = glyphs.as_dataset(2, num_batches=2)
learner.fit(data, validation_data=data, verbose=0)
print(traced)
"""


def test_a_step_is_traced_once_in_a_new_process():
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['train_step', 'test_step']"
