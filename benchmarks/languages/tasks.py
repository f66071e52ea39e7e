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
        window = arguments.length + 1
        # Half of a text, cut where a line starts, must do for either set of a task.
        train = 2.5 * window * max(arguments.train_lines, arguments.queries)
        held_out = window * max(*arguments.lines, arguments.queries)
        self.parts = {
            part: [n for n in names if self._fits(n, train if part == "train" else held_out)]
            for part, names in self.parts.items()
        }

    def _fits(self, name, size):
        texts = self.languages[name].lines, self.languages[name].query_lines or ()
        sizes = [sum(len(self.codec.encode(line)) + 1 for line in text) for text in texts if text]
        return min(sizes) > size

    def train(self, batch_size, start=0):
        """Tasks of training languages, whose lines are divided anew for each task."""
        arguments = self.arguments
        return episodes.CharacterLanguages(
            {name: self.languages[name].lines for name in self.parts["train"]},
            arguments.train_lines,
            arguments.queries,
            arguments.length,
            codec=self.codec,
            seed=arguments.seed,
        ).as_dataset(batch_size, start=start)

    def windows(self, batch_size, start=0):
        """The windows of as many tasks, for a model that knows of no tasks: `(x, y)`."""

        def flat(inputs, query_y):
            pairs = (inputs["support_x"], inputs["query_x"]), (inputs["support_y"], query_y)
            return tuple(tf.reshape(tf.concat(p, 1), [-1, self.arguments.length]) for p in pairs)

        return self.train(batch_size, start).map(flat).prefetch(2)

    def held_out(self, part, lines):
        """Draws of some lines of each language of a part: a batch has all languages."""
        names, arguments = self.parts[part], self.arguments
        return episodes.CharacterLanguages(
            {name: self.languages[name].lines for name in names},
            lines,
            arguments.queries,
            arguments.length,
            {name: self.languages[name].query_lines for name in names},
            self.codec,
            seed=1000,
            in_turn=True,
        ).as_dataset(len(names), num_batches=arguments.draws)

    def by_language(self, values):
        """Returns the means over draws of values of tasks, an array `[languages, ...]`."""
        values = np.asarray(values)
        return values.reshape(self.arguments.draws, -1, *values.shape[1:]).mean(0)
