"""Learners that adapt by gradient steps."""

import functools

from keras_meta.registry.row import EMBEDDING, WITH_CONTEXT, Learner

_FINN = ("Finn et al., 2017", "https://arxiv.org/abs/1703.03400")
_TWO_STEPS = {"inner_learning_rate": 0.1, "inner_steps": 2}

_learner = functools.partial(Learner, family="gradient", trial=_TWO_STEPS)

ROWS = (
    _learner(
        name="maml",
        path="keras_meta.learners.maml:MAML",
        summary="all weights, or those that `adapted_weights` names",
        papers=(_FINN,),
    ),
    _learner(
        name="fomaml",
        path="keras_meta.learners.maml:MAML",
        settings={"first_order": True},
        summary="the same, without second derivatives",
        papers=(_FINN,),
    ),
    _learner(
        name="anil",
        path="keras_meta.learners.anil:ANIL",
        summary="the head",
        papers=(("Raghu et al., 2020", "https://arxiv.org/abs/1909.09157"),),
    ),
    _learner(
        name="boil",
        path="keras_meta.learners.boil:BOIL",
        summary="the body",
        papers=(("Oh et al., 2021", "https://arxiv.org/abs/2008.08882"),),
    ),
    _learner(
        name="meta-sgd",
        path="keras_meta.learners.meta_sgd:MetaSGD",
        summary="all weights, each with a learned rate",
        papers=(("Li et al., 2017", "https://arxiv.org/abs/1707.09835"),),
    ),
    _learner(
        name="maml++",
        path="keras_meta.learners.maml_plus_plus:MAMLPlusPlus",
        summary="all but normalisation scales; rates, scales and statistics per step",
        papers=(("Antoniou et al., 2019", "https://arxiv.org/abs/1810.09502"),),
        trial={**_TWO_STEPS, "multi_step_loss_steps": 4, "first_order_steps": 2},
    ),
    _learner(
        name="meta-curvature",
        path="keras_meta.learners.meta_curvature:MetaCurvature",
        summary="all weights, along learned transformations of the gradient",
        papers=(("Park, Oliva, 2019", "https://arxiv.org/abs/1902.03356"),),
    ),
    _learner(
        name="mt-net",
        path="keras_meta.learners.mt_net:MTNet",
        network="keras_meta.learners.mt_net:with_transformations",
        summary="all weights but transformations between them, under learned masks",
        papers=(
            ("Lee, Choi, 2018", "https://arxiv.org/abs/1801.05558"),
            ("Flennerhag et al., 2020", "https://arxiv.org/abs/1909.00025"),
        ),
    ),
    _learner(
        name="sharp-maml",
        path="keras_meta.learners.sharp_maml:SharpMAML",
        summary="all weights, along the gradient where the loss nearby is largest",
        papers=(("Abbas et al., 2022", "https://arxiv.org/abs/2206.03996"),),
    ),
    _learner(
        name="reptile",
        path="keras_meta.learners.reptile:Reptile",
        summary="all weights; the outer step moves towards them",
        papers=(("Nichol et al., 2018", "https://arxiv.org/abs/1803.02999"),),
        trial={
            "inner_learning_rate": 0.1,
            "inner_steps": 3,
            "inner_batch_size": 2,
            "inner_optimizer": "momentum",
        },
    ),
    _learner(
        name="imaml",
        path="keras_meta.learners.implicit_maml:ImplicitMAML",
        summary="all weights, held near the initial ones",
        papers=(("Rajeswaran et al., 2019", "https://arxiv.org/abs/1909.04630"),),
        # Held firmly, so that conjugate gradients do not magnify rounding errors.
        trial={"inner_learning_rate": 0.05, "inner_steps": 3, "regularization": 10.0},
    ),
    _learner(
        name="cavia",
        path="keras_meta.learners.cavia:CAVIA",
        network=WITH_CONTEXT,
        summary="context parameters alone",
        papers=(("Zintgraf et al., 2019", "https://arxiv.org/abs/1810.03642"),),
        trial={"inner_learning_rate": 1.0, "inner_steps": 2},
    ),
    _learner(
        name="protomaml",
        path="keras_meta.learners.proto_maml:ProtoMAML",
        network=EMBEDDING,
        classes_only=True,
        summary="the body, and a head that starts from class prototypes",
        papers=(("Triantafillou et al., 2020", "https://arxiv.org/abs/1903.03096"),),
        trial={**_TWO_STEPS, "num_ways": 3},
    ),
)
