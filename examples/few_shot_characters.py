"""
Title: Learn new characters from one drawing of each
Author: keras_meta contributors
Date created: 2026/11/27
Last modified: 2026/11/27
Description: Few-shot image classification by MAML and by prototypes, compared with pre-training.
Accelerator: None
"""

"""
## Introduction

A person who sees one drawing of a letter of a foreign script recognises the next. A classifier
that is trained on one image of each class does not. This example trains networks that come
close, by *meta-learning*: instead of many images of a few classes, they see many small *tasks*,
and learn what all tasks have in common.

A task has two parts. From the **support set**, here one drawing of each of five characters, the
learner is to learn. On the **queries**, other drawings of the same characters, its predictions
are judged. Training and testing use different characters, so that nothing can be remembered.

You will

- draw tasks as a `tf.data.Dataset`,
- train [MAML](https://arxiv.org/abs/1703.03400), which learns initial weights from which one
  gradient step learns a task,
- see why it matters which examples batch normalisation averages over,
- train a [prototypical network](https://arxiv.org/abs/1703.05175), which needs no gradient
  steps,
- compare both with a network that was pre-trained in the ordinary way,
- teach a trained learner a task of your own, and export it.

The learners are those of `keras_meta`. Each is a `keras.Model` whose forward pass learns, so
that `compile`, `fit`, `evaluate` and `save` are as usual. On two cores of a CPU the example
takes about five minutes.

## Setup

```shell
pip install keras-meta
```

On a CPU it is faster to compute one task on each core than to spread each operation over all
cores. This must be set before TensorFlow starts.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import keras_meta

keras_meta.config.one_task_per_core()
keras.utils.set_random_seed(0)

num_ways = 5
num_shots = 1
num_queries = 3
num_classes = 300
steps_per_epoch = 100
epochs = 5
pretraining_epochs = 5
num_test_batches = 20

"""
## Tasks

The characters are invented: each is a few random pen strokes, and each drawing of it has its
own slant, size and pen. They are drawn by the library, so that nothing needs to be downloaded;
for images of your own, see `keras_meta.episodes.from_directory`. The three splits have no
character in common.
"""


def characters(split, **kwargs):
    return keras_meta.episodes.StrokeGlyphs(
        num_ways, num_shots, num_queries, num_classes=num_classes, split=split, **kwargs
    )


train, validation, test = (characters(split) for split in ("train", "validation", "test"))
test_tasks = test.as_dataset(batch_size=16, num_batches=num_test_batches)

"""
An element of the dataset is a batch of tasks: the support set and the queries, and the labels
of the queries. Labels number the classes of a task from 0 to 4, and mean something else in each
task.
"""

inputs, query_y = next(iter(test_tasks))
for name, value in inputs.items():
    print(f"{name}: {value.shape}")
print(f"query_y: {query_y.shape}")

"""
Two tasks, one in each row: five support images, then a query of each class.
"""


def show(task_inputs, labels):
    columns = num_ways * num_shots + num_ways
    figure, axes = plt.subplots(2, columns, figsize=(columns, 2.4))
    for task, row in enumerate(axes):
        first = [np.flatnonzero(labels[task] == k)[0] for k in range(num_ways)]
        images = [*task_inputs["support_x"][task], *np.asarray(task_inputs["query_x"])[task][first]]
        titles = [*task_inputs["support_y"][task].numpy(), *["?"] * num_ways]
        for image, title, cell in zip(images, titles, row, strict=True):
            cell.imshow(np.squeeze(image), cmap="gray_r")
            cell.set_title(title, fontsize=9)
            cell.axis("off")
    figure.tight_layout()


show(inputs, query_y.numpy())

"""
## A network

Four blocks of convolution, batch normalisation, ReLU and pooling, and a linear layer with an
output for each of the five classes of a task. Any built Keras model would do.
"""


def network(num_outputs=num_ways):
    return keras_meta.networks.Conv4(num_ways=num_outputs, filters=32)


network().summary()

"""
## Learning to learn by a gradient step

MAML takes a gradient step on the loss of the support set, `w' = w - a dL_S(w)/dw`, and
minimises the loss of the queries at `w'`. It differentiates through the step, which takes
second derivatives. Before training, the step leads nowhere in particular; after training, it
leads to a classifier of the characters of the task.

By default, the queries of a task are normalised by their own statistics, all together. Published
results of MAML are reached in this way.
"""

loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
maml = keras_meta.learners.MAML(network(), inner_learning_rate=0.4, inner_steps=1, name="maml")
maml.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
history = maml.fit(
    train.as_dataset(batch_size=16),
    steps_per_epoch=steps_per_epoch,
    epochs=epochs,
    validation_data=validation.as_dataset(batch_size=16, num_batches=5),
    verbose=2,
)

"""
The accuracy on unseen characters, before the step and after one to three steps, with the 95 %
interval over tasks. Queries of one task are not independent of each other; tasks are.
"""

curve = keras_meta.metrics.adaptation_curve(maml, test_tasks, steps=3)
print(curve)

"""
## What batch normalisation averages over

A query that is normalised by the other queries is classified with their help: they are balanced
by class, three of each. In use, a query comes alone. With the very same weights, let the
queries be normalised by the statistics of the support set:
"""

maml.batch_norm = "support"
inductive = keras_meta.metrics.adaptation_curve(maml, test_tasks, steps=1)
print(f"normalised by all queries:        {curve.mean[1]:.1%}")
print(f"normalised by the support set:    {inductive.mean[1]:.1%}")

"""
The difference is not an error of either. But two results can only be compared if both say which
they are. From here on, every query is predicted by itself.

## Prototypes

A prototypical network embeds all images, averages the embeddings of each class in the support
set, and assigns a query to the nearest average. It learns a task without gradient steps, and
the number of classes is free: training with more of them than in the test makes the embedding
better.
"""

more_ways = keras_meta.episodes.StrokeGlyphs(
    min(20, num_classes // 2), num_shots, num_queries, num_classes=num_classes
)
prototypes = keras_meta.learners.PrototypicalNetwork(
    network(num_outputs=None), batch_norm="running", name="prototypes"
)
prototypes.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
prototypes.fit(
    more_ways.as_dataset(batch_size=2), steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=2
)
values = keras_meta.metrics.task_values(prototypes, test_tasks)
mean, half_width = keras_meta.metrics.task_interval(values)
print(f"prototypes: {mean:.1%} ± {half_width:.1%}")

"""
## Was meta-learning worth it?

The simplest thing that could work: train the same network to tell all training characters
apart, then fit a small classifier to its features for each task. Whatever can be chosen, such
as the strength of regularisation, is chosen on the validation tasks.
"""

pretrained = keras_meta.baselines.pretrain_classifier(
    network(),
    train.preprocess(train.x),
    train.y,
    keras.optimizers.Adam(2e-3),
    epochs=pretraining_epochs,
    verbose=2,
)
features = keras_meta.networks.embedding(pretrained)
validation_tasks = validation.as_dataset(batch_size=16, num_batches=num_test_batches)
comparison = keras_meta.baselines.compare(
    prototypes,
    test_tasks,
    validation_tasks,
    {
        "nearest centroid": keras_meta.baselines.NearestCentroid(features),
        "logistic regression": keras_meta.baselines.FrozenLogisticRegression(features),
    },
)
print(comparison)

"""
The differences are paired, task by task. On data of your own, look at this table first: where
ordinary features are good enough, nothing else is needed.

## A task of your own

`adapt` learns one task and returns an ordinary Keras model for it. Here, the first task of the
test set stands for yours.
"""

classifier = prototypes.adapt(inputs["support_x"][0], inputs["support_y"][0])
predicted = classifier.predict(inputs["query_x"][0], verbose=0).argmax(axis=-1)
print("predicted:", predicted)
print("true:     ", query_y[0].numpy())

"""
## Use it where Keras is not

`export` writes a SavedModel that learns new tasks with TensorFlow alone. What it has learned of
a task is a set of small tensors, which can be stored for each user.
"""

prototypes.export("characters", verbose=False)
served = tf.saved_model.load("characters").signatures
state = served["adapt"](
    support_x=tf.constant(inputs["support_x"][0]), support_y=tf.constant(inputs["support_y"][0])
)
served_predictions = served["predict"](**state, query_x=tf.constant(inputs["query_x"][0]))
agree = np.array_equal(served_predictions["predictions"].numpy().argmax(axis=-1), predicted)
print("the SavedModel predicts the same:", agree)

"""
## Conclusion

- A meta-learner is trained on tasks, and tested on tasks of classes that it has never seen.
- MAML learns initial weights; prototypes learn an embedding, which is cheaper and leaves the
  number of classes free.
- An accuracy needs an interval over tasks, the statistics of batch normalisation, and a simple
  method beside it.

From here: more inner steps, or learned rates (`keras_meta.learners.MetaSGD`), augmentation
(`keras_meta.episodes.augmentation`), a larger network (`keras_meta.networks.ResNet12`), images
of your own (`keras_meta.episodes.from_directory`).
"""
