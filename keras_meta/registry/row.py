"""A row of the registry: a part of the library by name, its class imported when it is asked for."""

import dataclasses
import importlib

EMBEDDING = "keras_meta.networks.embedding:embedding"
WITH_CONTEXT = "keras_meta.networks.with_context:with_context"


def resolve(path):
    """Imports the object that `path` names.

    Args:
        path: str, `"package.module:Object"`.

    Returns:
        The object.
    """
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclasses.dataclass(frozen=True)
class Row:
    """One part of the library, of any kind.

    Args:
        kind: str, such as `"statistics"`.
        name: str. Its name as a string argument and on the command line.
        path: str. Its class, as `"package.module:Class"`.
        learners: Tuple of the names of the learners that it is for; empty if it is for all.
        settings: dict. The constructor arguments that distinguish this variant of the class.
        trial: dict. The constructor arguments with which the tests use it, for tasks of 3 ways.
    """

    kind: str
    name: str
    path: str
    learners: tuple = ()
    settings: dict = dataclasses.field(default_factory=dict)
    trial: dict = dataclasses.field(default_factory=dict)

    @property
    def class_name(self):
        """The name of the class."""
        return self.path.partition(":")[2]

    @property
    def signature(self):
        """The class with the arguments of this variant, as in code."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        arguments = arguments.replace("'", '"')
        return f"{self.class_name}({arguments})" if arguments else self.class_name

    def resolve(self):
        """Imports the class."""
        return resolve(self.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generated(Row):
    """A kind of learner that a `LearnerGenerator` generates.

    Args:
        for_values: str. The class that learns values instead of classes; empty for a network,
            which learns either.
        generator_trial: dict. The constructor arguments of the `LearnerGenerator` in the tests.
    """

    kind: str = "generated"
    for_values: str = ""
    generator_trial: dict = dataclasses.field(default_factory=dict)

    def build(self, model, num_ways=None, regression=False, **settings):
        """Makes the learner to be generated.

        Args:
            model: A built `keras.Model` with a head. A generated network is a copy of it; a
                linear learner does not depend on it.
            num_ways: int. Number of classes of a linear classifier, or `None` for as many as the
                support labels say.
            regression: bool. Whether it learns values.
            **settings: Other constructor arguments.

        Returns:
            A `keras_meta.generators.GeneratedLearner`.
        """
        settings = {**self.settings, **settings}
        if not self.for_values:
            from keras_meta.exact.copying import clone

            return self.resolve()(clone(model), **settings)
        if regression:
            return resolve(self.for_values)(**settings)
        return self.resolve()(num_ways=num_ways, **settings)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policy(Row):
    """A learner of policies, whose tasks are environments.

    Args:
        summary: str. How a task is learned. Markdown.
        papers: Tuple of pairs `(text, address)`.
    """

    kind: str = "policy"
    summary: str
    papers: tuple


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learner(Row):
    """A member of the family of learners, or a variant of one.

    Args:
        family: `"gradient"`, adapted by gradient steps, or `"embedding"`, with a head that is made
            from an embedded support set.
        summary: str. What the inner steps change, or what the head is. Markdown.
        papers: Tuple of pairs `(text, address)`.
        network: str. The function, as `"package.module:function"`, that turns a model with a head
            into one that the learner takes; empty if it takes the model as it is.
        classes_only: bool. Whether labels must be classes, not values.
        for_values: dict. The constructor arguments with which it learns values.
        generated: What a `LearnerGenerator` generates, a `Generated`; otherwise `None`.
        command_line: bool. Whether `keras-meta train` offers it.

    Example:

    ```python
    import keras_meta
    from keras_meta import registry

    row = registry.learner("prototypes")
    learner = row.build(keras_meta.networks.Conv4(num_ways=5), batch_norm="support")
    assert isinstance(learner, keras_meta.learners.PrototypicalNetwork)
    ```
    """

    kind: str = "learner"
    family: str
    summary: str
    papers: tuple
    network: str = ""
    classes_only: bool = False
    for_values: dict = dataclasses.field(default_factory=dict)
    generated: Generated | None = None
    command_line: bool = True

    @property
    def label(self):
        """A name that no other row has, for reports."""
        return f"{self.name} of {self.generated.name}" if self.generated else self.name

    @property
    def takes_inner_steps(self):
        """Whether it has the settings of an inner loop, such as `inner_learning_rate`."""
        return self.family == "gradient" or self.generated is not None

    @property
    def has_open_ways(self):
        """Whether the command line makes it for tasks of any number of classes."""
        return self.family == "embedding" and self.generated is None

    def build(self, model, **settings):
        """Makes the learner.

        Args:
            model: A built `keras.Model` with a head, such as a classifier. The learner shares its
                weights.
            **settings: Constructor arguments, which override those of the row.

        Returns:
            A `keras_meta.learners.MetaLearner`.
        """
        settings = {**self.settings, **settings}
        if self.generated is not None and "generated" not in settings:
            settings["generated"] = self.generated.build(model)
        network = resolve(self.network)(model) if self.network else model
        return self.resolve()(network, **settings)

    def build_trial(self, model, **settings):
        """Makes the learner as the tests of all learners use it, for tasks of 3 ways.

        Args:
            model: A classifier with 3 outputs.
            **settings: Constructor arguments, which override those of the trial.

        Returns:
            A `keras_meta.learners.MetaLearner`.
        """
        settings = {**self.trial, **settings}
        if self.generated is not None:
            generated = self.generated.build(model, **self.generated.trial)
            settings = {"generated": generated, **self.generated.generator_trial, **settings}
        return self.build(model, **settings)
