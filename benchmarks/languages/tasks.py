"""Languages as tasks: for training, and held out with any number of lines."""

import numpy as np
import tensorflow as tf
import udhr

from keras_meta import episodes, metrics


class Tasks:
    """The languages in a folder, and tasks of them.

    Args:
        arguments: Namespace of the command's options.

    Attributes:
        languages: dict, name to `udhr.Language`.
        parts: dict, `"train"`, `"validation"` and `"test"` to lists of names.
        codec: `episodes.Characters`.
        metric: `metrics.BitsPerCharacter`.
    """

    def __init__(self, arguments):
        self.arguments = arguments
        self.languages = udhr.load(arguments.data, arguments.scripts)
        self.parts = udhr.split(self.languages)
        texts = ["\n".join(self.languages[name].lines) for name in self.parts["train"]]
        of_characters = arguments.symbols == "characters"
        self.codec = episodes.Characters.of_texts(texts) if of_characters else episodes.Characters()
        self.metric = metrics.BitsPerCharacter(utf_8=self.codec.utf_8)
        lines = {"train": [arguments.train_lines]}
        self.parts = {
            part: [n for n in names if self._fits(part, n, lines.get(part, arguments.lines))]
            for part, names in self.parts.items()
        }

    def _fits(self, part, name, lines):
        """Whether a language has text for tasks of all these numbers of lines."""
        try:
            for number in lines:
                self._source(part, [name], number)
        except ValueError:
            return False
        return True

    def _source(self, part, names, lines):
        arguments = self.arguments
        train = part == "train"
        return episodes.CharacterLanguages(
            {name: self.languages[name].lines for name in names},
            lines,
            arguments.queries,
            arguments.length,
            None if train else {name: self.languages[name].query_lines for name in names},
            self.codec,
            # Held-out languages are the same for all seeds.
            seed=arguments.seed if train else 1000,
            in_turn=not train,
        )

    def train(self, batch_size, start=0):
        """Tasks of training languages, whose lines are divided anew for each task."""
        source = self._source("train", self.parts["train"], self.arguments.train_lines)
        return source.as_dataset(batch_size, start=start)

    def windows(self, batch_size, start=0):
        """The windows of as many tasks, for a model that knows of no tasks: `(x, y)`."""

        def flat(inputs, query_y):
            pairs = (inputs["support_x"], inputs["query_x"]), (inputs["support_y"], query_y)
            return tuple(tf.reshape(tf.concat(p, 1), [-1, self.arguments.length]) for p in pairs)

        return self.train(batch_size, start).map(flat).prefetch(2)

    def held_out(self, part, lines):
        """Draws of some lines of each language of a part: a batch has all languages."""
        names = self.parts[part]
        source = self._source(part, names, lines)
        return source.as_dataset(len(names), num_batches=self.arguments.draws)

    def by_language(self, values):
        """Returns the means over draws of values of tasks, an array `[languages, ...]`."""
        values = np.asarray(values)
        return values.reshape(self.arguments.draws, -1, *values.shape[1:]).mean(0)
