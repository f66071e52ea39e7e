"""Recipes for CIFAR-FS and FC100: what is trained on what, in one stage or two."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_meta import callbacks, episodes, learners, networks
from keras_meta.episodes.augmentation import ColorJitter, RandomCrop, RandomFlip

SHAPE, TURNS = (32, 32, 3), range(4)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclasses.dataclass(frozen=True)
class Job:
    """What one stage of a recipe does.

    Args:
        model: The compiled model to fit.
        stream: Callable, number of the first step to an infinite dataset.
        learner: The learner that is evaluated on tasks; it shares its weights with the model.
        callbacks: List of callbacks for `fit`.
    """

    model: keras.Model
    stream: Callable
    learner: keras.Model
    callbacks: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A way to train.

    Args:
        network: Callable, seed to the network, which all stages share.
        stages: dict, name to callable `(network, data, steps, arguments) -> Job`.
        shares: Tuple of floats, the part of the hours that each stage has.
        embeds: bool. Whether other heads can be put on what the network returns.
        several_tasks: bool. Whether a step has a task for each core.
        of_shots: bool. Whether the number of shots in training is a choice.
    """

    network: Callable
    stages: dict
    shares: tuple = (1.0,)
    embeds: bool = True
    several_tasks: bool = False
    of_shots: bool = False


def augmentation(arguments):
    """As in MetaOptNet."""
    return None if arguments.plain else [RandomCrop(4), ColorJitter(), RandomFlip()]


def compiled(learner, optimizer=None):
    learner.compile(optimizer or "sgd", LOSS, metrics=["accuracy"])
    return learner


def adam(steps, rate=1e-3):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def momentum(steps, rate):
    """With the weight decay of the literature."""
    return keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(rate, steps),
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
    )


def on_episodes(learner, data, optimizer, arguments, shape, batch_size, also=()):
    """A stage on training tasks of `shape`, `(ways, shots, queries)`."""
    tasks = episodes.EpisodeSampler(
        *data, *shape, seed=arguments.seed, augment=augmentation(arguments)
    )
    compiled(learner, optimizer)
    return Job(learner, lambda step: tasks.as_dataset(batch_size, start=step), learner, list(also))


def metric_learner(make, ways=20, shots=5, queries=5, batch_size=1):
    """A stage that trains an embedding with its head."""

    def job(body, data, steps, arguments):
        learner = make(body, batch_norm="running", seed=arguments.seed)
        shape = (ways, shots, queries)
        return on_episodes(learner, data, adam(steps), arguments, shape, batch_size)

    return job


def maml(model, data, steps, arguments):
    """As published: five inner steps, normalised by the queries of a task."""
    learner = learners.MAML(
        model,
        inner_learning_rate=0.01,
        inner_steps=5,
        eval_inner_steps=10,
        batch_norm="transductive",
        seed=arguments.seed,
    )
    return on_episodes(learner, data, adam(steps), arguments, (5, arguments.shots, 15), 4)


def resnet12(body, data, steps, arguments):
    """Prototypes with DropBlock, whose rate grows during the first half."""
    learner = learners.PrototypicalNetwork(body, batch_norm="running", seed=arguments.seed)
    schedule = callbacks.DropBlockSchedule(max(1, steps // 2))
    optimizer, shape = momentum(steps, 0.1), (10, 5, 6)
    return on_episodes(learner, data, optimizer, arguments, shape, 1, [schedule])


def whole_classes(make=learners.Baseline, rotated=False):
    """A stage that trains a classifier of all training classes; tasks by cosines to class means."""

    def job(body, data, steps, arguments):
        examples = episodes.ExampleSampler(
            *data, seed=arguments.seed, augment=augmentation(arguments)
        )
        learner = compiled(learners.PrototypicalNetwork(body, "cosine", batch_norm="running"))
        classes = examples.num_classes * (len(TURNS) if rotated else 1)
        classifier = compiled(make(body).pretraining_model(classes), momentum(steps, 0.05))

        def stream(step):
            size = arguments.batch_size // (len(TURNS) if rotated else 1)
            batches = examples.as_dataset(size, start=step)
            return batches.map(rotations) if rotated else batches

        return Job(classifier, stream, learner)

    return job


def rotations(x, y):
    """Each image in four directions, and each class as four: which of them must be told as well."""
    turned = [tf.image.rot90(x, turns) for turns in TURNS]
    return tf.concat(turned, 0), tf.concat([len(TURNS) * y + turns for turns in TURNS], 0)


def cosine_prototypes(body, data, steps, arguments):
    """The second stage of Meta-Baseline, with a learned temperature."""
    learner = learners.PrototypicalNetwork(
        body, "cosine", batch_norm="running", seed=arguments.seed
    )
    shape = (5, arguments.shots, 15)
    return on_episodes(learner, data, momentum(steps, 0.001), arguments, shape, 4)


def conv4(filters, num_ways=None):
    return lambda seed: networks.Conv4(num_ways, SHAPE, filters, "max", seed=seed)


def signed_conv4(filters):
    """Without the last ReLU: cosines compare features of both signs."""

    def network(seed):
        layers = conv4(filters)(seed).layers
        last = max(i for i, x in enumerate(layers) if isinstance(x, keras.layers.ReLU))
        return keras.Sequential([keras.Input(SHAPE), *layers[:last], *layers[last + 1 :]])

    return network


def residual(seed):
    return networks.ResNet12(None, SHAPE, seed=seed)


RECIPES = {
    "prototypes": Recipe(conv4(64), {"tasks": metric_learner(learners.PrototypicalNetwork)}),
    "ridge": Recipe(conv4(64), {"tasks": metric_learner(learners.RidgeLearner)}),
    "maml": Recipe(conv4(32, 5), {"tasks": maml}, embeds=False, several_tasks=True, of_shots=True),
    "pretrain": Recipe(conv4(64), {"classes": whole_classes()}),
    "pretrain-cosines": Recipe(
        signed_conv4(64), {"classes": whole_classes(learners.BaselinePlusPlus)}
    ),
    "cosines-then-tasks": Recipe(
        signed_conv4(64),
        {"classes": whole_classes(learners.BaselinePlusPlus), "tasks": cosine_prototypes},
        (0.8, 0.2),
        of_shots=True,
    ),
    "cosines-of-rotations": Recipe(
        signed_conv4(64), {"classes": whole_classes(learners.BaselinePlusPlus, rotated=True)}
    ),
    "meta-baseline": Recipe(
        conv4(64),
        {"classes": whole_classes(), "tasks": cosine_prototypes},
        (0.8, 0.2),
        of_shots=True,
    ),
    "resnet12": Recipe(residual, {"tasks": resnet12}),
}
