"""Episodes of next-symbol prediction."""


def next_symbols(support, query):
    """Returns an episode batch in which each symbol of a window is predicted from those before it.

    Args:
        support: int tensor `[tasks, support, time + 1]`, windows of symbols.
        query: int tensor `[tasks, query, time + 1]`.

    Returns:
        Tuple `(inputs, query_y)`.
    """
    inputs = {
        "support_x": support[..., :-1],
        "support_y": support[..., 1:],
        "query_x": query[..., :-1],
    }
    return inputs, query[..., 1:]
