"""Whether the predictions of the queries of a task depend on each other."""


def cause(learner, config):
    """Returns the option that makes predictions transductive, and the one to change it with.

    Args:
        learner: The learner of a run.
        config: dict, the options of the run.

    Returns:
        Pair of strs, or `None` if each query is predicted independently.
    """
    if hasattr(learner, "refinement"):
        return f"--learner {config['learner']}", "another --learner"
    if learner.batch_norm == "transductive" and learner.functional.batch_normalizations:
        return "--batch-norm transductive", "another --batch-norm, such as support"
    return None


def description(learner, config):
    """Returns a line on what a prediction depends on. See `cause`."""
    found = cause(learner, config)
    if found is None:
        return "Predictions are inductive: each query is classified on its own."
    return (
        f"Predictions are transductive ({found[0]}): each depends on the other queries of its "
        f"task. For queries that come one at a time, train with {found[1]}."
    )
