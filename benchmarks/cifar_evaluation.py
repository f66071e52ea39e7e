"""What a trained recipe for CIFAR-FS or FC100 reaches on tasks of unseen classes."""

import keras
import numpy as np
import record
from cifar_recipes import compiled

from keras_meta import episodes, layers, learners, metrics

SHOTS, QUERIES = (1, 5), 15
HELD_OUT = ("validation", "test")
STRENGTHS = (0.1, 0.3, 1.0, 3.0)


def tasks_of(data, shots, number, seed, batch_size=10):
    """Tasks for evaluation."""
    sampler = episodes.EpisodeSampler(*data, 5, shots, QUERIES, seed=seed)
    return sampler.as_dataset(batch_size, num_batches=-(-number // batch_size))


class Embedded:
    """What an embedding makes of images, each computed once: tasks share them.

    Args:
        body: `keras.Model` from images to vectors.
        data: dict, name of a split to `(images, labels)`.
    """

    def __init__(self, body, data):
        def features(images):
            x = episodes.images.scale_images(keras.ops.convert_to_tensor(images))
            return body.predict(x, batch_size=250, verbose=0).astype("float32")

        self.features = np.concatenate([features(data[split][0]) for split in HELD_OUT])
        self.of_training = features(data["train"][0][::10])

    def model(self, *layers):
        """A model from numbers of images to their features, followed by `layers`."""
        inputs = keras.Input((), dtype="int32")
        lookup = keras.layers.Embedding(*self.features.shape)
        model = keras.Sequential([inputs, lookup, *layers])
        lookup.set_weights([self.features])
        return model

    def learner(self, learner):
        """A copy of the learner that has trained the embedding."""
        config = learner.get_config()
        config["model"] = keras.saving.serialize_keras_object(self.model())
        copy = type(learner).from_config({**config, "dtype": None})
        copy.model.set_weights([self.features])
        of_model = {id(variable) for variable in learner.model.variables}
        own = [v for v in learner.weights if id(v) not in of_model]
        of_model = {id(variable) for variable in copy.model.variables}
        copies = [v for v in copy.weights if id(v) not in of_model]
        for variable, value in zip(copies, own, strict=True):
            variable.assign(value)
        return copy


def numbers(data):
    """dict like `data`, with the numbers of images for `Embedded` in place of images."""
    first, found = 0, {}
    for split in HELD_OUT:
        labels = data[split][1]
        found[split] = (np.arange(first, first + len(labels), dtype="int32"), labels)
        first += len(labels)
    return found


def heads(embedded, learner):
    """dict, name to a learner of tasks on the embedding that a learner has trained."""
    center = layers.FeatureCentering()
    center.adapt(embedded.of_training)
    unit = keras.layers.UnitNormalization
    return {
        "as trained": embedded.learner(learner),
        "prototypes, centred": learners.PrototypicalNetwork(
            embedded.model(center), "cosine", batch_norm="running"
        ),
        "ridge regression": learners.RidgeLearner(embedded.model(unit()), batch_norm="running"),
        "logistic regression": learners.LogisticLearner(
            embedded.model(unit()), batch_norm="running"
        ),
    }


def candidates(recipe, members, embedded):
    """dict, name to learner: alone, and as the ensemble of all members."""
    if recipe.embeds:
        each = [heads(of, member) for of, member in zip(embedded, members, strict=True)]
    else:
        each = [{"as trained": member} for member in members]
    found = {}
    for name in each[0]:
        made = [compiled(of_member[name]) for of_member in each]
        found[name] = made[0]
        if len(made) > 1:
            found[f"{name}, ensemble of {len(made)}"] = compiled(learners.Ensemble(made))
    return found


def transductive(embedded):
    """dict, name to learner that classifies the queries of a task together."""
    # The refinements are of distances, which grow with the dimensions of an embedding.
    scaled = [keras.layers.UnitNormalization(), keras.layers.Rescaling(10.0**0.5)]
    body = embedded.model(*scaled)
    refinements = {"soft k-means": layers.SoftKMeansScores()}
    for strength in STRENGTHS:
        refinements[f"Laplacian, {strength}"] = layers.LaplacianScores(strength)
    return {
        name: compiled(learners.TransductivePrototypes(body, layer, batch_norm="running"))
        for name, layer in refinements.items()
    }


def chosen(contenders, data, shots, arguments):
    """Chooses by validation tasks, and measures the choice, and others beside it, by test tasks."""
    seed = arguments.seed + 2
    validation = tasks_of(data["validation"], shots, arguments.choice_tasks, seed)
    scores = {
        name: round(float(metrics.task_values(learner, validation).mean()), 4)
        for name, learner in contenders.items()
    }
    best = max(scores, key=scores.get)
    test = tasks_of(data["test"], shots, arguments.test_tasks, seed + 1)
    accuracies = {
        name: record.interval(metrics.task_values(learner, test))
        for name, learner in contenders.items()
        if name == best or "ensemble" not in name
    }
    print(f"{shots}-shot {best}: {accuracies[best]}", flush=True)
    return {
        "accuracy": accuracies.pop(best),
        "learner": best,
        "validation": scores,
        "not_chosen": accuracies,
    }


def measured(recipe, job, files, data, arguments):
    """The accuracies of a trained recipe, by shots."""
    members, found = learners.Ensemble.of_weights(job.learner, files).members, {}
    embedded = [Embedded(member.model, data) for member in members] if recipe.embeds else None
    contenders = candidates(recipe, members, embedded)
    known = numbers(data) if recipe.embeds else data
    for shots in SHOTS:
        found[f"5-way {shots}-shot"] = chosen(contenders, known, shots, arguments)
    if recipe.embeds:
        contenders = transductive(embedded[0])
        for shots in SHOTS:
            key = f"5-way {shots}-shot, transductive"
            found[key] = chosen(contenders, known, shots, arguments)
        return found
    for shots in SHOTS:
        # By the statistics of queries, these were transductive; now of the support set.
        found[f"5-way {shots}-shot, transductive"] = found.pop(f"5-way {shots}-shot")
    for learner in contenders.values():
        learner.batch_norm = "support"
    for shots in SHOTS:
        found[f"5-way {shots}-shot"] = chosen(contenders, data, shots, arguments)
    return found
