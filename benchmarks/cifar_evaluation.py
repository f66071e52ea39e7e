"""What a trained recipe for CIFAR-FS or FC100 reaches on tasks of unseen classes."""

import cifar_recipes
import keras
import record
from cifar_recipes import compiled

from keras_meta import episodes, layers, learners, metrics
from keras_meta.exact.copying import clone

SHOTS, QUERIES = (1, 5), 15
STRENGTHS = (0.1, 0.3, 1.0, 3.0)


def tasks_of(data, shots, number, seed, batch_size=10):
    """Tasks for evaluation."""
    sampler = episodes.EpisodeSampler(*data, 5, shots, QUERIES, seed=seed)
    return sampler.as_dataset(batch_size, num_batches=-(-number // batch_size))


def heads(recipe, data):
    """dict, name to function from a trained learner to a learner of tasks."""
    found = {"as trained": lambda learner: learner}
    if not recipe.embeds:
        return found
    x = episodes.images.scale_images(keras.ops.convert_to_tensor(data["train"][0][::10]))

    def centred(learner):
        layer = layers.FeatureCentering()
        layer.adapt(learner.model.predict(x, batch_size=250, verbose=0))
        return with_layer(learner, layer)

    def unit(learner):
        return with_layer(learner, keras.layers.UnitNormalization())

    return {
        **found,
        "prototypes, centred": lambda learner: learners.PrototypicalNetwork(
            centred(learner), "cosine", batch_norm="running"
        ),
        "ridge regression": lambda learner: learners.RidgeLearner(
            unit(learner), batch_norm="running"
        ),
        "logistic regression": lambda learner: learners.LogisticLearner(
            unit(learner), batch_norm="running"
        ),
    }


def with_layer(learner, layer):
    """The embedding of a learner, followed by a layer."""
    body = clone(learner.model)
    return keras.Sequential([keras.Input(cifar_recipes.SHAPE), body, layer])


def candidates(recipe, job, files, data):
    """dict, name to learner."""
    copies, found = learners.Ensemble.of_weights(job.learner, files).members, {}
    for name, head in heads(recipe, data).items():
        made = [compiled(head(copy)) for copy in copies]
        found[name] = made[0]
        if len(made) > 1:
            found[f"{name}, ensemble of {len(made)}"] = compiled(learners.Ensemble(made))
    return found


def transductive(job, files):
    """dict, name to learner that classifies the queries of a task together."""
    (learner,) = learners.Ensemble.of_weights(job.learner, files[:1]).members
    # The refinements are of distances, which grow with the dimensions of an embedding.
    body = with_layer(learner, keras.layers.UnitNormalization())
    body = keras.Sequential([body, keras.layers.Rescaling(10.0**0.5)])
    refinements = {"soft k-means": layers.SoftKMeansScores()}
    for strength in STRENGTHS:
        refinements[f"Laplacian, {strength}"] = layers.LaplacianScores(strength)
    return {
        name: compiled(learners.TransductivePrototypes(body, layer, batch_norm="running"))
        for name, layer in refinements.items()
    }


def chosen(contenders, data, shots, arguments):
    """Chooses by validation tasks and measures by test tasks."""
    seed = arguments.seed + 2
    validation = tasks_of(data["validation"], shots, arguments.choice_tasks, seed)
    scores = {
        name: round(float(metrics.task_values(learner, validation).mean()), 4)
        for name, learner in contenders.items()
    }
    best = max(scores, key=scores.get)
    test = tasks_of(data["test"], shots, arguments.test_tasks, seed + 1)
    accuracy = record.interval(metrics.task_values(contenders[best], test))
    print(f"{shots}-shot {best}: {accuracy}", flush=True)
    return {"accuracy": accuracy, "learner": best, "validation": scores}


def measured(recipe, job, files, data, arguments):
    """The accuracies of a trained recipe, by shots."""
    contenders, found = candidates(recipe, job, files, data), {}
    for shots in SHOTS:
        found[f"5-way {shots}-shot"] = chosen(contenders, data, shots, arguments)
    if recipe.embeds:
        contenders = transductive(job, files)
        for shots in SHOTS:
            key = f"5-way {shots}-shot, transductive"
            found[key] = chosen(contenders, data, shots, arguments)
        return found
    for shots in SHOTS:
        # By the statistics of queries, these were transductive; now of the support set.
        found[f"5-way {shots}-shot, transductive"] = found.pop(f"5-way {shots}-shot")
    for learner in contenders.values():
        learner.batch_norm = "support"
    for shots in SHOTS:
        found[f"5-way {shots}-shot"] = chosen(contenders, data, shots, arguments)
    return found
