"""Writes a learner as a SavedModel with named endpoints."""

import keras
import tensorflow as tf


def export(learner, filepath, verbose=True):
    """Writes the endpoints `serve`, `adapt`, `predict` and `adapt_and_predict`.

    Args:
        learner: A `MetaLearner` that has seen an episode.
        filepath: Folder to write.
        verbose: bool. Whether to print the endpoints.

    Raises:
        ValueError: If the learner has not seen an episode.
    """
    if learner.episode_spec is None:
        raise ValueError(
            "The learner does not know the types of its inputs yet. Fit it, or call it on one "
            "batch of episodes, before `export`. Received: a learner that has seen no episode."
        )
    batch = specs(learner.episode_spec, leading_axes=2)
    task = specs(learner.episode_spec, leading_axes=1)
    support = {key: task[key] for key in ("support_x", "support_y")}

    def serve(inputs):
        return {"predictions": learner(inputs, training=False)}

    def adapt(inputs):
        return learner.adapt_task(inputs["support_x"], inputs["support_y"])

    def predict(inputs):
        return {"predictions": learner.predict_task(inputs["state"], inputs["query_x"]).predictions}

    def adapt_and_predict(inputs):
        return predict({"state": adapt(inputs), "query_x": inputs["query_x"]})

    endpoints = {
        "serve": _flat(serve, batch),
        "adapt": _flat(adapt, support),
        "adapt_and_predict": _flat(adapt_and_predict, task),
    }
    state = _state_specs(adapt, support)
    endpoints["predict"] = _flat(predict, {"state": state, "query_x": task["query_x"]})

    module = tf.Module()
    module.learner_variables = [variable.value for variable in learner.variables]
    for name, endpoint in endpoints.items():
        setattr(module, name, endpoint)
    tf.saved_model.save(
        module,
        str(filepath),
        signatures={"serving_default": endpoints["serve"], **endpoints},
        # A server takes no derivative of an endpoint; those inside `adapt` are part of its graph.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    if verbose:
        print(f"Exported to {filepath!s}:")
        for name, endpoint in endpoints.items():
            inputs = ", ".join(endpoint.structured_input_signature[1])
            print(f"  {name}({inputs}) -> {', '.join(endpoint.structured_outputs)}")


def specs(episode_spec, leading_axes):
    """Types of episodes of any number of tasks and examples: a nest of `tf.TensorSpec`."""

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


def _state_specs(adapt, support):
    state = tf.function(adapt, autograph=False).get_concrete_function(support).structured_outputs
    return tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), state)


def _flat_names(nest):
    """A name for each leaf: the path to it, joined by `_`, without the word `state`."""
    paths = [path for path, _ in keras.tree.flatten_with_path(nest)]
    return ["_".join(str(part) for part in path if part != "state") for path in paths]


def _flat(function, specs):
    """Traces `function` of one nest as a function of named tensors, which signatures require."""
    names = _flat_names(specs)

    @tf.function(autograph=False)
    def endpoint(**inputs):
        outputs = function(tf.nest.pack_sequence_as(specs, [inputs[name] for name in names]))
        return dict(zip(_flat_names(outputs), tf.nest.flatten(outputs), strict=True))

    leaves = zip(names, tf.nest.flatten(specs), strict=True)
    return endpoint.get_concrete_function(
        **{name: tf.TensorSpec(leaf.shape, leaf.dtype, name=name) for name, leaf in leaves}
    )
