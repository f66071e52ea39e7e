"""A distribution of tasks: clusters of images that no data set has."""

import tensorflow as tf

from keras_meta.episodes import TaskDistribution


class Clusters(TaskDistribution):
    """Each class of a task is a random image, and its examples that image with noise."""

    def __init__(self, num_ways=3, num_shots=1, num_queries=2, noise=0.3, seed=0):
        super().__init__(seed)
        self.num_ways, self.noise = num_ways, noise
        self.num_shots, self.num_queries = num_shots, num_queries

    def sample(self, first_task, num_tasks):
        number, shape = self.num_shots + self.num_queries, (8, 8, 1)
        centers = self.uniform(first_task, num_tasks, (self.num_ways, 1, *shape), stream=0)
        noise = self.uniform(first_task, num_tasks, (self.num_ways, number, *shape), stream=1)
        x = centers + self.noise * (noise - 0.5)
        y = tf.tile(tf.range(self.num_ways)[None, :, None], [num_tasks, 1, number])
        (support_x, query_x), (support_y, query_y) = map(self.split, (x, y))
        return {"support_x": support_x, "support_y": support_y, "query_x": query_x}, query_y

    def split(self, x):
        """Tensor `[tasks, ways, examples, ...]` to `[tasks, support, ...], [tasks, query, ...]`."""
        parts = tf.split(x, [self.num_shots, self.num_queries], axis=2)
        return [tf.reshape(part, [x.shape[0], -1, *x.shape[3:]]) for part in parts]
