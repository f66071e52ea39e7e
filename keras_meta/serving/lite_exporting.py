"""Exports a learner to LiteRT, for learning tasks on a phone."""

import re
import tempfile
from pathlib import Path

import tensorflow as tf

from keras_meta.exact.replacement import replaced
from keras_meta.serving import builtin_derivatives, exporting


def export(learner, filepath, support_size, query_size, verbose=True):
    """Writes a `.tflite` file with the signatures `adapt` and `predict`.

    Both consist of LiteRT's builtin operations only, with fixed shapes. Derivatives that LiteRT
    lacks (of ReLU, of max-pooling without overlap, of convolution with respect to its kernel) are
    expressed in builtin operations. MAML, ANIL, CAVIA, prototypical, matching and relation networks
    and generated linear heads can be converted. `RidgeLearner` cannot (LiteRT lacks `Cholesky`,
    `MatrixTriangularSolve`, `MatrixDiagPartV3`, `MatrixSetDiagV3` and double precision), nor can
    `LogisticLearner` and `SVMLearner`, which solve such systems in a loop, nor can
    models that take text.

    Args:
        learner: A `MetaLearner` that has seen an episode.
        filepath: File to write, ending in `.tflite`.
        support_size: int. Number of support examples of a task, of all classes together.
        query_size: int. Number of queries predicted at once.
        verbose: bool. Whether to print the signatures.

    Raises:
        ValueError: If the learner has not seen an episode, has a variable way, or needs an
            operation that LiteRT lacks, which the message names.
    """
    exporting.check_seen(learner)
    check_options(filepath, support_size=support_size, query_size=query_size)
    with replaced(builtin_derivatives.replacements()):
        functions = _signatures(learner, support_size, query_size)
    module = exporting.module_of(learner, functions)
    write(module, type(learner).__name__, filepath, functions, verbose)


def check_options(filepath, **sizes):
    """Raises if a size is not one, or if the file has another ending than LiteRT's."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(
                f"LiteRT requires fixed shapes: `{name}` must be an integer >= 1. "
                f"Received: {name}={size!r}."
            )
    if not str(filepath).endswith(".tflite"):
        raise ValueError(f"The file must end in `.tflite`. Received: filepath={str(filepath)!r}.")


def write(module, kind, filepath, functions, verbose):
    """Writes functions as the signatures of a file of LiteRT's builtin operations.

    Args:
        module: `tf.Module` that holds the variables and tables of the functions.
        kind: str, what is exported, for messages.
        filepath: File to write.
        functions: dict, name to concrete function.
        verbose: bool. Whether to print the signatures.

    Raises:
        ValueError: If LiteRT lacks an operation, which the message names.
    """
    content = _convert(module, kind, functions)
    Path(filepath).write_bytes(content)
    if verbose:
        print(f"Exported to {filepath!s}, {len(content)} bytes:")
        exporting.print_endpoints(functions)


def _signatures(learner, support_size, query_size):
    task = exporting.specs(learner.episode_spec, leading_axes=1)

    def sized(key, size):
        return tf.nest.map_structure(
            lambda x: tf.TensorSpec([size, *x.shape[1:]], x.dtype), task[key]
        )

    support = {key: sized(key, support_size) for key in ("support_x", "support_y")}
    queries = sized("query_x", query_size)

    @tf.function(autograph=False)
    def adapt(inputs):
        return learner.adapt_task(inputs["support_x"], inputs["support_y"])

    def predict(inputs):
        return {"predictions": learner.predict_task(inputs["state"], inputs["query_x"]).predictions}

    state = exporting.tensor_specs(adapt.get_concrete_function(support).structured_outputs)
    if not all(x.shape.is_fully_defined() for x in tf.nest.flatten(state)):
        shapes = [tuple(x.shape) for x in tf.nest.flatten(state)]
        raise ValueError(
            "LiteRT requires fixed shapes: fix the learner's number of ways, for example with "
            f"`learner.num_ways = 5`. Received: a task's state of shapes {shapes}."
        )
    names = exporting.state_names(learner, state)
    return {
        "adapt": exporting.flat(adapt, support, names),
        "predict": exporting.flat(predict, {"state": state, "query_x": queries}, names),
    }


def _convert(module, kind, functions):
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(module, folder, signatures=functions, options=options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, list(functions))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        # The error class of the converter is not public.
        except Exception as error:
            missing = re.findall(r"TF Select ops: (.*)", str(error))
            if not missing:
                raise ValueError(
                    "LiteRT's converter cannot convert the learner: heads that are solved for "
                    "iteratively, until convergence, use loops that LiteRT does not support. Use "
                    "`ANIL`, `CAVIA`, or a learner that fits its head in one pass. Received: "
                    f"{kind}: {str(error).splitlines()[0][:200]}"
                ) from error
            raise ValueError(
                "The learner needs operations that LiteRT lacks. Replace the layers that use them; "
                "or adapt only the head (`ANIL`) or a context (`CAVIA`), which needs no "
                "derivatives of the other layers; or use a learner without inner steps. "
                f"Received: a learner that needs {missing[0]}."
            ) from error
