"""Parts as others write them, outside of the package: each must do what those inside do."""

from keras_meta import learners
from tests.strangers.adagrad import Adagrad
from tests.strangers.blended_statistics import BlendedStatistics
from tests.strangers.naive_bayes import NaiveBayes
from tests.strangers.sparse_head import SparseHead

# By name, what makes a learner of tasks of 3 ways from a model with 3 outputs.
LEARNERS = {
    "a stranger's composed learner": lambda model, **kwargs: SparseHead(model, 0.1, 2, **kwargs),
    "a stranger's own learner": lambda model, **kwargs: NaiveBayes(model, num_ways=3, **kwargs),
    "a stranger's statistics": lambda model, **kwargs: learners.MAML(
        model, 0.1, 2, **{"batch_norm": BlendedStatistics(0.7), **kwargs}
    ),
    "a stranger's inner optimizer": lambda model, **kwargs: learners.MAML(
        model, inner_steps=2, inner_optimizer=Adagrad(0.1), **kwargs
    ),
}
