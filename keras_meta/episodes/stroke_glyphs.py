"""Few-shot recognition of invented handwritten characters, without a data set."""

import numpy as np

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.episode_sampler import EpisodeSampler
from keras_meta.episodes.stroke_drawing import invent_character, write_character

_SPLITS = ("train", "validation", "test")


def stroke_glyphs(num_classes=300, examples_per_class=20, split="train", seed=0):
    """Draws characters of an invented script, several times each.

    A character is a random set of one to four pen strokes. Every drawing of it has its own slant,
    size, pen width and distortion of the strokes. Character `k` of a split is a function of
    `(seed, split, k)`, whatever `num_classes` is.

    Args:
        num_classes: Integer. Number of characters.
        examples_per_class: Integer. Number of drawings of each character.
        split: `"train"`, `"validation"` or `"test"`. The splits have no characters in common.
        seed: Integer, at least 0. The script is a function of it.

    Returns:
        A tuple `(x, y)`: a `uint8` array `[num_classes * examples_per_class, 28, 28, 1]`, ink 255
        on 0, and an array of names such as `"train-0007"`, sorted.

    Raises:
        ValueError: If a count is below 1 or `split` is not one of the three.

    Example:

    ```python
    from keras_meta import episodes

    x, y = episodes.stroke_glyphs(num_classes=3, examples_per_class=2, seed=0)
    print(x.shape, y[0])  # (6, 28, 28, 1) train-0000
    ```
    """
    num_classes = check_integer("num_classes", num_classes, minimum=1)
    examples_per_class = check_integer("examples_per_class", examples_per_class, minimum=1)
    seed = check_integer("seed", seed, minimum=0)
    if split not in _SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(map(repr, _SPLITS))}. Received: split={split!r}."
        )
    images = []
    for character in range(num_classes):
        random = np.random.default_rng([seed, _SPLITS.index(split), character])
        images.append(write_character(random, invent_character(random), examples_per_class))
    names = [f"{split}-{character:04d}" for character in range(num_classes)]
    return np.concatenate(images)[..., None], np.repeat(names, examples_per_class)


class StrokeGlyphs(EpisodeSampler):
    """Few-shot recognition of invented handwritten characters.

    A substitute for Omniglot that needs no data set: an `EpisodeSampler` of the drawings of
    `stroke_glyphs()`.

    Args:
        num_ways: Integer. Number of classes in an episode.
        num_shots: Integer. Number of support drawings of each class.
        num_queries: Integer. Number of query drawings of each class.
        num_classes: Integer. Number of characters from which episodes are sampled.
        examples_per_class: Integer. Number of drawings of each character.
        split: `"train"`, `"validation"` or `"test"`. The splits have no characters in common.
        seed: Integer, at least 0. The script and the stream of episodes are functions of it.

    Raises:
        ValueError: If there are too few characters or drawings for an episode, or an argument is
            out of range.

    Example:

    ```python
    from keras_meta import episodes

    train = episodes.StrokeGlyphs(num_ways=5, num_shots=1, num_queries=5, num_classes=20)
    inputs, query_y = next(iter(train.as_dataset(batch_size=4)))
    print(inputs["support_x"].shape, query_y.shape)  # (4, 5, 28, 28, 1) (4, 25)
    ```
    """

    def __init__(
        self,
        num_ways=5,
        num_shots=1,
        num_queries=1,
        num_classes=300,
        examples_per_class=20,
        split="train",
        seed=0,
    ):
        x, y = stroke_glyphs(num_classes, examples_per_class, split, seed)
        super().__init__(x, y, num_ways, num_shots, num_queries, seed)
        self.examples_per_class = examples_per_class
        self.split = split
