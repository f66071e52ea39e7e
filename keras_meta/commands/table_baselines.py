"""The baselines that a learner of tables is compared with."""

import math

from keras_meta import baselines, networks
from keras_meta.commands import table_learner
from keras_meta.networks.table_network import standardization


def make(config, learner, train, validation):
    """Makes the baselines, and trains the one model for all tasks that some of them need.

    Args:
        config: dict, the options of the run.
        learner: The compiled learner.
        train: `GroupedEpisodes` of the training groups.
        validation: `GroupedEpisodes` of the validation groups.

    Returns:
        dict, name to a `BaselineMethod` or a list of several. Their settings are yet to be chosen.
    """
    mean, _ = standardization(train.table.y)
    pooled = baselines.train_pooled_model(
        table_learner.network(config, train), train, validation, learner.loss, seed=config["seed"]
    )
    found = {
        "mean": baselines.ShrunkenMean(prior_rows=(0.0,)),
        "shrunken mean": baselines.ShrunkenMean(mean),
    }
    numbers = networks.table_features(train, most_categories=0)
    if numbers is not None and numbers.output_shape == (None, 1):
        found["line"] = baselines.RidgePerTask(numbers, penalties=(1e-6,))
        found["interpolation"] = baselines.Interpolation(numbers)
    found["pooled model"] = baselines.Residuals(pooled, baselines.ShrunkenMean(0.0, (math.inf,)))
    found["pooled + intercept"] = baselines.Residuals(pooled, baselines.ShrunkenMean())
    features = networks.table_features(train)
    if features is not None:
        process = baselines.GaussianProcess(features)
        found["ridge per task"] = baselines.RidgePerTask(features)
        found["Gaussian process"] = baselines.GaussianProcess(features, mean)
        found["pooled + process"] = baselines.Residuals(pooled, process)
    found["fine-tuning"] = [
        baselines.FineTuning(pooled, rate, steps=(1, 3, 10, 30, 100)) for rate in (0.001, 0.01)
    ]
    return found
