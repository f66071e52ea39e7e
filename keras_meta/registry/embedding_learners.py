"""Learners that make a head from the embedded support set, in one pass."""

import functools

from keras_meta.registry.row import EMBEDDING, Learner

_SNELL = ("Snell et al., 2017", "https://arxiv.org/abs/1703.05175")
_VINYALS = ("Vinyals et al., 2016", "https://arxiv.org/abs/1606.04080")
_BERTINETTO = ("Bertinetto et al., 2019", "https://arxiv.org/abs/1805.08136")
_CHEN = ("Chen et al., 2019", "https://arxiv.org/abs/1904.04232")
_THREE_WAYS = {"num_ways": 3}

_learner = functools.partial(
    Learner, family="embedding", network=EMBEDDING, classes_only=True, trial=_THREE_WAYS
)

ROWS = (
    _learner(
        name="prototypes",
        path="keras_meta.learners.prototypical_network:PrototypicalNetwork",
        summary="class means, by Euclidean distance",
        papers=(_SNELL,),
    ),
    _learner(
        name="cosine-prototypes",
        path="keras_meta.learners.prototypical_network:PrototypicalNetwork",
        settings={"distance": "cosine"},
        summary="class means, by cosine similarity",
        papers=(_SNELL,),
    ),
    _learner(
        name="soft-k-means",
        path="keras_meta.learners.transductive_prototypes:TransductivePrototypes",
        summary="class means that move to the queries at evaluation: transductive",
        papers=(("Ren et al., 2018", "https://arxiv.org/abs/1803.00676"),),
    ),
    _learner(
        name="laplacian",
        path="keras_meta.learners.transductive_prototypes:TransductivePrototypes",
        settings={"refinement": "laplacian"},
        summary="class means, with agreement of neighbouring queries at evaluation: transductive",
        papers=(("Ziko et al., 2020", "https://arxiv.org/abs/2006.15486"),),
    ),
    _learner(
        name="matching",
        path="keras_meta.learners.matching_network:MatchingNetwork",
        summary="attention to the support examples",
        papers=(_VINYALS,),
    ),
    _learner(
        name="full-context-matching",
        path="keras_meta.learners.matching_network:MatchingNetwork",
        settings={"processing_steps": 1},
        summary="the same, with each embedding conditioned on the whole support set",
        papers=(_VINYALS,),
    ),
    _learner(
        name="relation",
        path="keras_meta.learners.relation_network:RelationNetwork",
        summary="a network that compares",
        papers=(("Sung et al., 2018", "https://arxiv.org/abs/1711.06025"),),
    ),
    _learner(
        name="ridge",
        path="keras_meta.learners.ridge_learner:RidgeLearner",
        summary="ridge regression, with predictive variance for values",
        classes_only=False,
        for_values={"num_values": 1, "learned_prior": True},
        papers=(_BERTINETTO,),
    ),
    _learner(
        name="logistic",
        path="keras_meta.learners.logistic_learner:LogisticLearner",
        summary="logistic regression at its optimum",
        papers=(_BERTINETTO,),
    ),
    _learner(
        name="svm",
        path="keras_meta.learners.svm_learner:SVMLearner",
        summary="a multi-class support vector machine at its optimum",
        papers=(("Lee et al., 2019", "https://arxiv.org/abs/1904.03758"),),
    ),
    _learner(
        name="lda",
        path="keras_meta.learners.discriminant_learner:DiscriminantLearner",
        summary="linear discriminant analysis, with learned shrinkage",
        papers=(("Friedman, 1989", "https://doi.org/10.1080/01621459.1989.10478752"),),
    ),
    _learner(
        name="cnaps",
        path="keras_meta.learners.cnaps:CNAPs",
        summary="class means and covariances, in an embedding modulated for the task",
        papers=(
            ("Requeima et al., 2019", "https://arxiv.org/abs/1906.07697"),
            ("Bateni et al., 2020", "https://arxiv.org/abs/1912.03432"),
        ),
        trial={**_THREE_WAYS, "task_embedding_size": 8, "units": 8},
    ),
    # Not on the command line: its members are learners that have been trained.
    _learner(
        name="ensemble",
        path="keras_meta.learners.ensemble:Ensemble",
        network="keras_meta.learners.ensemble:two_prototypical_networks",
        summary="the mean of what several learners predict, such as one at several times",
        classes_only=False,
        papers=(("Antoniou et al., 2019", "https://arxiv.org/abs/1810.09502"),),
        trial={},
        command_line=False,
    ),
    _learner(
        name="in-context",
        path="keras_meta.learners.in_context_learner:InContextLearner",
        summary="a transformer that has the support set as its context",
        classes_only=False,
        for_values={"num_values": 1},
        papers=(
            ("Müller et al., 2022", "https://arxiv.org/abs/2112.10510"),
            ("Kirsch et al., 2022", "https://arxiv.org/abs/2212.04458"),
        ),
        trial={**_THREE_WAYS, "width": 8, "num_blocks": 1, "num_heads": 2},
    ),
    # Not on the command line: `train` meta-trains, and the embedding of these is meant to be
    # pre-trained on ordinary batches.
    _learner(
        name="baseline",
        path="keras_meta.learners.baseline:Baseline",
        summary="a linear head fitted to features of ordinary pre-training",
        papers=(_CHEN,),
        trial={**_THREE_WAYS, "inner_steps": 10, "inner_learning_rate": 1.0},
        command_line=False,
    ),
    _learner(
        name="baseline++",
        path="keras_meta.learners.baseline:BaselinePlusPlus",
        summary="a cosine head fitted to features of ordinary pre-training",
        papers=(_CHEN,),
        trial={**_THREE_WAYS, "inner_steps": 5, "scale": 5.0},
        command_line=False,
    ),
)
