"""Exports a learner as a SavedModel with named endpoints."""

import re

import keras
import tensorflow as tf

from keras_meta.exact.private import sublayers

_SUPPORT = ("support_x", "support_y")
_INTERVAL = ("predictions", "lower", "upper")


def export(learner, filepath, verbose=True, intervals=None):
    """Writes a SavedModel that learns new tasks without Keras and this library.

    Its endpoints accept any number of tasks, shots and queries:

    *   `serve`: a batch of episodes (`support_x`, `support_y`, `query_x`) to predictions,
    *   `adapt`: one task's support set to its state, as named tensors: a context, a head, or all
        adapted weights,
    *   `predict`: a state and `query_x` to predictions,
    *   `adapt_and_predict`: one task's support set and `query_x` to predictions,
    *   `adapt_batch` and `predict_batch`: the same for several tasks of equal size at once; all
        tensors have a leading axis of tasks.

    With `intervals`, those that see the support set and the queries together, `serve` and
    `adapt_and_predict`, also return `lower` and `upper`, the ends of the interval of each query.

    Args:
        learner: A `MetaLearner` that has seen an episode.
        filepath: Folder to write.
        verbose: bool. Whether to print the endpoints.
        intervals: `metrics.ConformalIntervals` of a learner of one value, or `None`.

    Raises:
        ValueError: If the learner has not seen an episode.
    """
    check_seen(learner)
    batch = specs(learner.episode_spec, leading_axes=2)
    task = specs(learner.episode_spec, leading_axes=1)
    support, batch_support = ({key: x[key] for key in _SUPPORT} for x in (task, batch))

    def serve(inputs):
        return {"predictions": learner(inputs, training=False)}

    # Traced once, and shared by the endpoints.
    @tf.function(autograph=False)
    def adapt(inputs):
        return learner.adapt_task(inputs["support_x"], inputs["support_y"])

    @tf.function(autograph=False)
    def predict(inputs):
        return {"predictions": learner.predict_task(inputs["state"], inputs["query_x"]).predictions}

    def adapt_and_predict(inputs):
        support = {key: inputs[key] for key in _SUPPORT}
        return predict({"state": adapt(support), "query_x": inputs["query_x"]})

    def with_intervals(inputs):
        return dict(zip(_INTERVAL, intervals.predict_task(learner, **inputs), strict=True))

    def of_batch(function):
        def of_task(inputs, seed):
            del seed
            return (), function(inputs)

        return lambda inputs: learner.map_tasks(of_task, inputs)[1]

    state = tensor_specs(adapt.get_concrete_function(support).structured_outputs)
    states = tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape], x.dtype), state)
    names = state_names(learner, state)
    if intervals is not None:
        serve, adapt_and_predict = of_batch(with_intervals), with_intervals
    endpoints = {
        "serve": flat(serve, batch),
        "adapt": flat(adapt, support, names),
        "predict": flat(predict, {"state": state, "query_x": task["query_x"]}, names),
        "adapt_and_predict": flat(adapt_and_predict, task),
        "adapt_batch": flat(of_batch(adapt), batch_support, names),
        "predict_batch": flat(
            of_batch(predict), {"state": states, "query_x": batch["query_x"]}, names
        ),
    }
    write(learner, filepath, endpoints, "serve", verbose)


def write(learner, filepath, endpoints, default, verbose):
    """Writes endpoints, and the variables of the learner that they share, as a SavedModel.

    Args:
        learner: A `keras.Model`.
        filepath: Folder to write.
        endpoints: dict, name to concrete function.
        default: str, the name of the endpoint that is the default signature.
        verbose: bool. Whether to print the endpoints.
    """
    write_module(module_of(learner, endpoints), filepath, endpoints, default, verbose)


def module_of(learner, functions):
    """Returns a `tf.Module` that holds the variables and lookup tables of functions of a learner.

    Args:
        learner: A `keras.Model`.
        functions: dict, name to concrete function.
    """
    module = tf.Module()
    module.learner_variables = [variable.value for variable in learner.variables]
    module.tables = tables(learner, functions.values())
    return module


def write_module(module, filepath, endpoints, default, verbose):
    """Writes endpoints as a SavedModel. See `write`.

    Args:
        module: `tf.Module` that holds the variables and tables of the endpoints.
        filepath: See `write`.
        endpoints: See `write`.
        default: See `write`.
        verbose: See `write`.
    """
    for name, endpoint in endpoints.items():
        setattr(module, name, endpoint)
    tf.saved_model.save(
        module,
        str(filepath),
        signatures={"serving_default": endpoints[default], **endpoints},
        # Endpoints are not differentiated by a server; the gradients in `adapt` are in its graph.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    if verbose:
        print(f"Exported to {filepath!s}:")
        print_endpoints(endpoints)


def tables(learner, functions):
    """Returns the lookup tables that the functions use, such as vocabularies of text layers."""
    captured = {id(x) for function in functions for x in function.captured_inputs}
    # Keras finds layers in a list, such as the members of an ensemble; TensorFlow does not.
    parts = {
        id(part): part
        for layer in [learner, *sublayers(learner)]
        for part in tf.train.TrackableView(layer).descendants()
    }
    return [
        part
        for part in parts.values()
        if isinstance(part, tf.saved_model.experimental.TrackableResource)
        and id(part.resource_handle) in captured
    ]


def check_seen(learner):
    """Raises if the learner does not know the types of its inputs."""
    if learner.episode_spec is None:
        raise ValueError(
            "The learner does not know the types of its inputs yet. Fit it, or call it on one "
            "batch of episodes, before `export`. Received: a learner that has seen no episode."
        )


def print_endpoints(endpoints):
    """Prints the names of inputs and outputs of each concrete function."""
    for name, endpoint in endpoints.items():
        inputs = ", ".join(endpoint.structured_input_signature[1])
        print(f"  {name}({inputs}) -> {', '.join(endpoint.structured_outputs)}")


def specs(episode_spec, leading_axes):
    """Returns specs of episodes of any number of tasks and examples: a nest of `tf.TensorSpec`."""

    def spec(leaf):
        return tf.TensorSpec([None] * leading_axes + list(leaf["shape"]), leaf["dtype"])

    def walk(node):
        if isinstance(node, dict):
            return (
                spec(node)
                if set(node) == {"dtype", "shape"}
                else {key: walk(value) for key, value in node.items()}
            )
        return type(node)(walk(value) for value in node)

    return walk(episode_spec)


def tensor_specs(nest):
    """Returns the specs of a nest of tensors: a nest of `tf.TensorSpec`."""
    return tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), nest)


def state_names(learner, state):
    """Returns names for the tensors of a task's state: dict, `_path_name` of a leaf to its name."""
    weights = learner.weight_names()
    taken = {*_SUPPORT, "query_x", "predictions"}
    names = {}
    for path, _ in keras.tree.flatten_with_path(state):
        kind, *place = path
        name = "_".join(map(str, path))
        if kind == "statistics":
            name = learner.functional.state_variables[place[0]].path
        elif place and isinstance(place[0], int) and place[0] < len(weights):
            name = weights[place[0]]
        # Paths begin with the name of the model, which adds no information.
        name = re.sub(r"\W", "_", re.sub("^[^/]*/(?=.*/)", "", name))
        if name in taken:
            name = f"{name}_{len(names)}"
        taken.add(name)
        names[_path_name(path)] = name
    return names


def _path_name(path):
    """The path to a leaf, joined by `_`, without the word `state`."""
    return "_".join(str(part) for part in path if part != "state")


def flat(function, specs, names=None):
    """Traces `function` of one nest as a function of named tensors, which signatures require.

    A SavedModel does not compare the shapes that it is given with those of its inputs, and would
    broadcast values `[n]` to `[n, n]` where `[n, 1]` are meant. The endpoint refuses them.

    Args:
        function: Callable, nest of tensors to nest of tensors.
        specs: Nest of `tf.TensorSpec`.
        names: dict, path of a leaf to the name that replaces it.

    Returns:
        A concrete function.
    """

    def names_of(nest):
        paths = [_path_name(path) for path, _ in keras.tree.flatten_with_path(nest)]
        return [(names or {}).get(path, path) for path in paths]

    input_names = names_of(specs)

    @tf.function(autograph=False)
    def endpoint(**inputs):
        leaves = [
            tf.ensure_shape(inputs[name], leaf.shape, name=f"shape_of_{name}")
            for name, leaf in zip(input_names, tf.nest.flatten(specs), strict=True)
        ]
        outputs = function(tf.nest.pack_sequence_as(specs, leaves))
        return dict(zip(names_of(outputs), tf.nest.flatten(outputs), strict=True))

    leaves = zip(input_names, tf.nest.flatten(specs), strict=True)
    return endpoint.get_concrete_function(
        **{name: tf.TensorSpec(leaf.shape, leaf.dtype, name=name) for name, leaf in leaves}
    )
