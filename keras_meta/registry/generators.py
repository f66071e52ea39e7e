"""The learner generator, and the kinds of learner that it generates."""

from keras_meta.registry.row import EMBEDDING, Generated, Learner

GENERATED = (
    Generated(
        name="linear",
        path="keras_meta.generators.linear:LogisticRegression",
        for_values="keras_meta.generators.linear:LinearRegression",
        trial={"num_ways": 3, "units": 8},
    ),
    Generated(
        name="svm",
        path="keras_meta.generators.linear:LinearSVM",
        for_values="keras_meta.generators.linear:LinearSVR",
        trial={"num_ways": 3, "units": 8},
        generator_trial={"inner_steps": 1},
    ),
    Generated(
        name="network",
        path="keras_meta.generators.neural_network:NeuralNetwork",
        trial={"units": 8},
        generator_trial={"inner_steps": 2, "inner_learning_rate": 0.03},
    ),
    Generated(
        name="film",
        path="keras_meta.generators.film:FiLM",
        trial={"units": 8},
    ),
)

# One row per kind: each generates a different learner.
LEARNERS = tuple(
    Learner(
        name="generator",
        path="keras_meta.learners.learner_generator:LearnerGenerator",
        generated=generated,
        family="embedding",
        network=EMBEDDING,
        summary="a learner whose weights a hypernetwork generates from the task",
        papers=(
            ("Ha et al., 2017", "https://arxiv.org/abs/1609.09106"),
            ("Requeima et al., 2019", "https://arxiv.org/abs/1906.07697"),
        ),
        trial={"task_embedding_size": 8},
    )
    for generated in GENERATED
)
