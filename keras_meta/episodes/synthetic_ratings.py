"""Ratings of users and items that have latent factors, drawn from a seed."""

import numpy as np

from keras_meta.episodes.arguments import check_integer


def synthetic_ratings(
    num_users=400,
    num_items=200,
    ratings_per_user=(30, 60),
    num_factors=4,
    num_genres=8,
    noise=0.5,
    seed=0,
):
    """A table of ratings for `from_groups`, in which each user is a task.

    Items of a genre are alike, and users see what is popular and what they like:

        q_i = 0.7 g_genre(i) + 0.7 e_i,           g, e ~ N(0, I)
        p_u ~ N(0, I / factors),  b_u ~ N(0, 0.4^2),  b_i ~ N(0, 0.3^2)
        a_ui = b_i + p_u q_i                      how much more u likes i than other items
        r_ui = 3.6 + b_u + a_ui + N(0, noise^2),  rounded to 1, 2, ..., 5
        u sees i with a probability that grows with  exp(a_ui) / (rank of i)^0.7

    Args:
        num_users: int.
        num_items: int.
        ratings_per_user: Pair of ints `(low, high)`, between which the number of items that a user
            rates is drawn.
        num_factors: int. The length of `p` and `q`.
        num_genres: int.
        noise: float.
        seed: int. The table is a function of it.

    Returns:
        dict of arrays `[ratings]`: `"user"`, `"item"` and `"genre"`, strs, and `"rating"`, floats.

    Raises:
        ValueError: If a number is out of range.

    Example:

    ```python
    from keras_meta import episodes

    table = episodes.synthetic_ratings(num_users=50)
    tasks = episodes.from_groups(table, task="user", y="rating", num_support=5)
    train, validation, test = tasks.split()
    ```
    """
    sizes = {"num_users": num_users, "num_items": num_items, "num_factors": num_factors}
    for name, size in {**sizes, "num_genres": num_genres}.items():
        check_integer(name, size, minimum=1)
    low, high = ratings_per_user
    if not 1 <= low <= high <= num_items:
        raise ValueError(
            "`ratings_per_user` must be a pair (low, high) with 1 <= low <= high <= num_items. "
            f"Received: ratings_per_user={ratings_per_user}, num_items={num_items}."
        )
    random = np.random.default_rng(seed)
    genre = random.integers(num_genres, size=num_items)
    of_genre = random.normal(size=(num_genres, num_factors))
    items = 0.7 * of_genre[genre] + 0.7 * random.normal(size=(num_items, num_factors))
    users = random.normal(size=(num_users, num_factors)) / np.sqrt(num_factors)
    bias = random.normal(0, 0.4, (num_users, 1))
    liking = random.normal(0, 0.3, num_items) + users @ items.T
    rating = 3.6 + bias + liking + random.normal(0, noise, liking.shape)
    # The largest of log weights plus Gumbel noise are a draw by weight, without replacement.
    popularity = -0.7 * np.log(1 + random.permutation(num_items))
    keys = liking + popularity + random.gumbel(size=liking.shape)
    seen = np.argsort(-keys, 1)[:, :high]
    count = random.integers(low, high + 1, num_users)
    user, place = np.nonzero(np.arange(high) < count[:, None])
    item = seen[user, place]
    order = random.permutation(len(user))
    user, item = user[order], item[order]
    return {
        "user": np.char.mod("u%d", user),
        "item": np.char.mod("i%d", item),
        "genre": np.char.mod("g%d", genre[item]),
        "rating": np.clip(np.round(rating[user, item]), 1, 5),
    }
