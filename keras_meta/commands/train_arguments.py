"""The arguments of `keras-meta train`."""

from keras_meta import registry
from keras_meta.commands import augmentations, policy_options
from keras_meta.commands.argument_types import integer, names, names_of, rate, share


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument(
        "environment",
        nargs="?",
        choices=policy_options.ENVIRONMENTS,
        metavar="ENVIRONMENT",
        help=f"learn a policy for tasks in {' or '.join(policy_options.ENVIRONMENTS)}, instead of "
        "a learner for --data",
    )
    parser.add_argument("--data", help="what to train on; see above")
    parser.add_argument("--out", required=True, metavar="RUN", help="the run folder")
    parser.add_argument(
        "--resume", action="store_true", help="resume the run in RUN, with the options it has"
    )
    parser.set_defaults(default_of=parser.get_default)
    tasks = parser.add_argument_group("tasks")
    tasks.add_argument(
        "--ways",
        type=integer(2),
        help="classes per task (5; texts, if the learner has open ways: 20, or all there are)",
    )
    tasks.add_argument(
        "--validation-ways",
        type=integer(2),
        help="classes per validation and test task, for learners with open ways (as --ways; "
        "texts: 5)",
    )
    tasks.add_argument(
        "--shots",
        type=integer(1),
        help="support examples per class (1; sinusoid: 10); of tables, known rows of a task (10); "
        "of languages, passages to learn from (10)",
    )
    tasks.add_argument(
        "--queries",
        type=integer(1),
        help="query examples per class (5; sinusoid: 10); of tables, rows of a task to predict "
        "(10); of languages, passages to predict (10)",
    )
    tasks.add_argument(
        "--rotations",
        action="store_true",
        help="for training, make further classes of the images rotated by 90, 180 and 270 degrees",
    )
    tasks.add_argument(
        "--augment",
        nargs="?",
        type=names_of("changes", augmentations.NAMES),
        const=augmentations.STANDARD,
        metavar="CHANGES",
        help="change training images at random, by some of "
        f"{', '.join(augmentations.NAMES)} (alone: {augmentations.STANDARD})",
    )
    learner = parser.add_argument_group("learner")
    learner.add_argument("--learner", choices=_names("learner"), metavar="NAME", help=_list_names())
    learner.add_argument(
        "--generates",
        choices=_names("generated"),
        help="what --learner generator generates: a linear classifier (or regression) or SVM on "
        "the features of the network, the whole network, or a modulation of it (linear; "
        "tables: film)",
    )
    learner.add_argument(
        "--network",
        help="conv4 (which pools photographs of at least 64 pixels and has strides for smaller "
        "images), conv4-max, resnet12, wide-resnet, sinusoid_mlp, text_embedding, table_network, "
        "for languages causal_conv, character_gru or causal_transformer, or a .keras file of your "
        "own",
    )
    learner.add_argument(
        "--filters",
        type=integer(1),
        default=64,
        help="channels of conv4, of the first block of resnet12, or of a model of text "
        "(%(default)s)",
    )
    learner.add_argument(
        "--inner-steps",
        type=integer(0),
        help="inner steps in training (1; generator: 0; languages: 3)",
    )
    learner.add_argument(
        "--eval-inner-steps",
        type=integer(0),
        help="inner steps in evaluation (as --inner-steps; environments: 3)",
    )
    learner.add_argument(
        "--inner-learning-rate",
        type=rate,
        help="(0.4; sinusoid: 0.01; tables: 0.05; environments: 0.1; languages: 0.3 to begin "
        "with, and then learned for each layer and step)",
    )
    learner.add_argument(
        "--batch-norm",
        choices=_names("statistics"),
        default="transductive",
        help="statistics used by batch normalisation (%(default)s: each prediction depends on the "
        "other queries of its task; for queries that come one at a time: support)",
    )
    training = parser.add_argument_group("training")
    training.add_argument("--outer-learning-rate", type=rate, help="(0.001)")
    training.add_argument(
        "--batch-size",
        type=integer(1),
        help="tasks per iteration (16; texts: 4; languages: 8; environments: 20)",
    )
    training.add_argument(
        "--iterations",
        type=integer(1),
        help="(2000; texts with labels: 600; tables, languages: 3000, invented ones 1000; "
        "environments: 100)",
    )
    training.add_argument(
        "--epoch-iterations",
        type=integer(1),
        help="iterations between validations (100; environments: 10); --iterations is rounded up "
        "to whole epochs. On data of your own, the learner of the best validation is kept. A run "
        "stops early when a quarter of its validations, and at least five, have brought nothing "
        "better",
    )
    training.add_argument(
        "--checkpoint-iterations",
        type=integer(1),
        help="iterations between checkpoints, the most that are lost if a run is killed (100; "
        "environments: 10)",
    )
    training.add_argument(
        "--validation-tasks",
        type=integer(1),
        help="(100; tables: 200; languages: 40; environments: 20)",
    )
    training.add_argument("--seed", type=integer(0), default=0, help="(%(default)s)")
    policies = parser.add_argument_group("policies, for tasks in an ENVIRONMENT")
    policies.add_argument(
        "--episodes", type=integer(2), help="episodes of each update and outer step (20)"
    )
    policies.add_argument("--horizon", type=integer(1), help="steps of an episode (100)")
    policies.add_argument(
        "--units", type=integer(1), help="units of each of two hidden layers (100)"
    )
    policies.add_argument(
        "--outer-rule", choices=policy_options.OUTER_RULES, help="the outer step (trpo)"
    )
    policies.add_argument(
        "--estimator",
        choices=policy_options.ESTIMATORS,
        help="what estimates the derivative of the updates (log_likelihood)",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--image-size",
        type=integer(1),
        default=28,
        help="height and width in pixels to which images of folders and tfds are resized "
        "(%(default)s)",
    )
    data.add_argument(
        "--color-mode",
        choices=["grayscale", "rgb"],
        default="grayscale",
        help="of images of folders and tfds (%(default)s)",
    )
    data.add_argument("--x-key", default="x", help="array of examples in the .npz (%(default)s)")
    data.add_argument("--y-key", default="y", help="array of labels in the .npz (%(default)s)")
    data.add_argument("--text", metavar="COLUMN", help="column of texts in the .csv (text)")
    data.add_argument("--label", metavar="COLUMN", help="column of labels in the .csv (label)")
    data.add_argument(
        "--group",
        metavar="COLUMN",
        help="column of groups of classes or tasks in the .csv, such as domains or items; no group "
        "is in two splits",
    )
    table = parser.add_argument_group("tables whose rows belong to tasks: .csv or .parquet")
    table.add_argument("--task", metavar="COLUMN", help="column that says whose row it is: user_id")
    table.add_argument("--y", metavar="COLUMN", help="column of the value to predict")
    table.add_argument(
        "--x", type=names, metavar="COLUMNS", help="columns to predict from: age,sex (all others)"
    )
    table.add_argument(
        "--categories",
        type=names,
        metavar="COLUMNS",
        help="columns of --x that hold categories although they look like numbers, such as ids",
    )
    table.add_argument(
        "--order",
        metavar="COLUMN",
        help="column of numbers or dates: known rows come before those to predict (drawn at "
        "random)",
    )
    table.add_argument(
        "--from-start",
        action="store_true",
        default=None,
        help="the known rows are the first rows of a task, not those before a time drawn at random",
    )
    table.add_argument(
        "--min-shots",
        type=integer(1),
        help="the number of known rows of a task varies from this to --shots (1)",
    )
    table.add_argument(
        "--mask-missing",
        action="store_true",
        default=None,
        help="accept empty fields of --x, and leave out rows without --y",
    )
    table.add_argument(
        "--coverage", type=share, help="the share of values that intervals cover (0.9)"
    )
    languages = parser.add_argument_group("languages")
    languages.add_argument("--length", type=integer(2), help="symbols of a passage (64)")
    languages.add_argument(
        "--pooled-iterations",
        type=integer(0),
        help="how many of --iterations, at the start, train one model of all languages without "
        "adapting it (2000; invented languages: 300)",
    )
    data.add_argument("--tfds-split", default="train", help="such as train+test (%(default)s)")
    data.add_argument("--tfds-folder", help="folder where TensorFlow Datasets keeps its data")


def _names(kind):
    rows = registry.of_kind(kind)
    return list(dict.fromkeys(row.name for row in rows if getattr(row, "command_line", True)))


def _list_names():
    return f"one of {', '.join(_names('learner'))} (maml; texts with labels and tables: ridge)"
