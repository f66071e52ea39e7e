"""A metric over many tasks, for a learner with a frozen embedding."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.metrics.task_metrics import resolve_metric


def frozen_task_values(learner, sampler, num_tasks, metric="accuracy", batch_size=250):
    """Computes `task_values` fast: each example is embedded once, however many tasks it is in.

    The tasks are the first ones of `sampler.as_dataset`, and the values equal those of
    `task_values`. The embedding of an example must not depend on the other examples of its task:
    the model has no batch normalisation, or uses its moving statistics (`batch_norm="running"`).

    Args:
        learner: An `EmbeddingLearner`, such as `PrototypicalNetwork`.
        sampler: An `EpisodeSampler`. All its examples are embedded.
        num_tasks: int. Number of tasks.
        metric: See `adaptation_curve`.
        batch_size: int. Number of examples embedded, and of tasks evaluated, at a time.

    Returns:
        Array `[num_tasks]`.

    Raises:
        TypeError: If the learner does not compute a head from embedded examples.
        ValueError: If the embedding of an example depends on the other examples of its task.

    Example:

    ```python
    import numpy as np
    import keras_meta

    x = np.random.default_rng(0).random((60, 28, 28, 1), "float32")
    tasks = keras_meta.episodes.EpisodeSampler(x, np.repeat(np.arange(6), 10), 3, 1, 5)
    learner = keras_meta.learners.PrototypicalNetwork(
        keras_meta.networks.Conv4(filters=8), batch_norm="running"
    )
    assert keras_meta.metrics.frozen_task_values(learner, tasks, num_tasks=100).shape == (100,)
    ```
    """
    if not hasattr(learner, "learn_embedded"):
        raise TypeError(
            "`learner` must be an `EmbeddingLearner`, whose embedding is the same in all tasks. "
            "Use `metrics.task_values` for other learners. "
            f"Received: {type(learner).__name__}."
        )
    if learner.functional.batch_normalizations and not learner.statistics.independent:
        raise ValueError(
            "With batch_norm='transductive' or 'support' the embedding of an example depends on "
            "the other examples of its task, so it cannot be computed once for all tasks. Use "
            "`metrics.task_values`, or set `learner.batch_norm = 'running'` if the learner was "
            f"trained that way. Received: batch_norm={learner.batch_norm!r}."
        )
    features = _embed_all(learner, sampler, batch_size)
    values = []
    for first in range(0, num_tasks, batch_size):
        examples = sampler.describe(tf.constant(first, tf.int64), batch_size).examples
        values.append(_values(learner, sampler, features, examples, resolve_metric(metric)))
    return np.concatenate(values)[:num_tasks]


def _embed_all(learner, sampler, batch_size):
    """Returns the embeddings `[examples, ...]` of all examples of the sampler."""
    preprocess = sampler.preprocess
    embed = learner.traced(("embed", preprocess), lambda x: learner.embed(preprocess(x)))

    def examples(rows):
        return keras.tree.map_structure(lambda x: tf.gather(x, rows), sampler.x)

    rows = np.arange(len(sampler.y))
    starts = range(0, len(rows), batch_size)
    return tf.concat([embed(examples(rows[i : i + batch_size])) for i in starts], 0)


def _values(learner, sampler, features, examples, metric):
    """Returns the metric of tasks whose `examples` `[tasks, ways, n]` are rows of `features`."""
    num_ways, num_shots, num_queries = sampler.num_ways, sampler.num_shots, sampler.num_queries

    def of_batch(features, examples):
        num_tasks = tf.shape(examples)[0]  # dynamic, because `batch_size` varies between calls
        rows = tf.split(examples, [num_shots, num_queries], axis=2)
        support, query = (tf.reshape(r, [num_tasks, num_ways * r.shape[2]]) for r in rows)
        support_y, query_y = (tf.repeat(tf.range(num_ways), n) for n in (num_shots, num_queries))

        def of_task(task, seed):
            del seed
            support_features, query_features = (tf.gather(features, rows) for rows in task)
            return (), learner.learn_embedded(support_features, support_y, query_features)

        predictions = learner.map_tasks(of_task, (support, query))[1]
        return metric.of_tasks(tf.repeat(query_y[None], num_tasks, 0), predictions, {}, axis=1)

    key = ("learn_embedded", num_ways, num_shots, num_queries, metric)
    return learner.traced(key, of_batch)(features, examples).numpy()
