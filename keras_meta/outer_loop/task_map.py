"""Maps a function over tasks, by a graph loop or vectorised."""

import math
import os

import keras
import tensorflow as tf

from keras_meta.exact import keras_masks
from keras_meta.exact.layers import sublayers
from keras_meta.layers import (
    CausalPatches,
    Context,
    ContextFiLM,
    FeatureCentering,
    Positions,
)

# Layers whose operations and derivatives TensorFlow can all batch over tasks with different
# weights. Convolutions are not among them: their vectorised form is a slow loop.
_BATCHABLE = (
    "Activation ActivityRegularization Add Average BatchNormalization CategoryEncoding Concatenate "
    "Dense Dot ELU EinsumDense Embedding Flatten GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalMaxPooling1D GroupNormalization GroupQueryAttention Identity InputLayer "
    "LayerNormalization LeakyReLU Masking Maximum Minimum MultiHeadAttention Multiply PReLU "
    "Permute RMSNormalization ReLU RepeatVector Rescaling Reshape Softmax Subtract "
    "UnitNormalization"
).split()
_BATCHABLE_TYPES = (
    *(getattr(keras.layers, name) for name in _BATCHABLE),
    CausalPatches,
    Context,
    ContextFiLM,
    FeatureCentering,
    Positions,
)

TASK_MAPS = ("auto", "loop", "vectorize")

# Each vectorised task has its own copy of the weights; beyond this size, moving them dominates.
_MAX_VECTORIZED_WEIGHTS = 2**16

# Tasks vectorised at once: larger chunks do not speed up a step of a small network further.
CHUNK = 64


def choose(model):
    """Returns `"vectorize"` if every operation of `model` batches over tasks, else `"loop"`.

    Models with many weights are looped as well. Only Sequential and functional models made of known
    layers qualify, because the layers of a subclass do not reveal what its `call` does.
    """

    def is_stock_container(layer):
        return isinstance(layer, keras.Model) and type(layer).__module__.startswith("keras.")

    def batches(layer):
        return type(layer) in _BATCHABLE_TYPES or is_stock_container(layer)

    num_weights = sum(math.prod(v.shape) for v in model.trainable_variables)
    if num_weights > _MAX_VECTORIZED_WEIGHTS:
        return "loop"
    return "vectorize" if all(map(batches, [model, *sublayers(model)])) else "loop"


def map_tasks(function, elements, task_map):
    """Applies `function` to each task, and sums or stacks what it returns.

    The loop keeps only the running sums and the stacked results between tasks, so its memory
    hardly grows with the number of tasks.

    Args:
        function: Callable, `(element, task_index) -> (to_sum, to_stack)`, two nests of tensors;
            leaves may be `None`.
        elements: Nest of tensors with tasks on axis 0; leaves may be `None`.
        task_map: `"loop"` or `"vectorize"`.

    Returns:
        Tuple `(summed, stacked)`: the first nest summed over tasks, the second with a leading axis
        of tasks, which Keras masks of its tensors get as well.
    """
    tensors, restore = _split_none(elements)
    num_tasks = tensors[0].shape[0] or tf.shape(tensors[0])[0]

    def of_tensors(task, index):
        to_sum, to_stack = function(restore(task), index)
        return to_sum, (to_stack, keras_masks.masks(to_stack))

    if task_map == "vectorize":
        summed, (stacked, masks) = _vectorized(of_tensors, tensors, num_tasks)
    elif tf.inside_function():
        summed, (stacked, masks) = _looped(of_tensors, tensors, num_tasks)
    else:
        summed, (stacked, masks) = _eager(of_tensors, tensors, int(num_tasks))
    return summed, keras_masks.with_masks(stacked, masks)


def _split_none(nest):
    """Returns the tensors of `nest`, and a function that packs such tensors like `nest`."""
    flat = tf.nest.flatten(nest)
    present = [leaf is not None for leaf in flat]

    def restore(tensors):
        tensors = iter(tensors)
        return tf.nest.pack_sequence_as(nest, [next(tensors) if p else None for p in present])

    return [leaf for leaf in flat if leaf is not None], restore


def _eager(function, elements, num_tasks):
    results = [function([x[i] for x in elements], tf.constant(i)) for i in range(num_tasks)]
    parts = [(_split_none(to_sum), _split_none(to_stack)) for to_sum, to_stack in results]
    summed = [tf.add_n(list(t)) for t in zip(*(s[0] for s, _ in parts), strict=True)]
    stacked = [tf.stack(list(t)) for t in zip(*(s[0] for _, s in parts), strict=True)]
    (_, restore_sum), (_, restore_stack) = parts[0]
    return restore_sum(summed), restore_stack(stacked)


def _looped(function, elements, num_tasks):
    def of_task(index):
        return function([x[index] for x in elements], index)

    # One task per core: more in parallel would only cost memory.
    return _graph_loop(of_task, num_tasks, num_tasks, parallel=max(os.cpu_count() or 1, 2))


def _vectorized(function, elements, num_tasks):
    """Loops over vectorised chunks, so that memory does not grow with the number of tasks."""
    if isinstance(num_tasks, int) and num_tasks <= CHUNK:
        return _vectorized_chunk(function, elements, tf.range(num_tasks))

    def of_chunk(index):
        start, end = index * CHUNK, tf.minimum((index + 1) * CHUNK, num_tasks)
        return _vectorized_chunk(function, [x[start:end] for x in elements], tf.range(start, end))

    num_chunks = (num_tasks + CHUNK - 1) // CHUNK
    return _graph_loop(of_chunk, num_chunks, num_tasks, parallel=1, joins_chunks=True)


def _graph_loop(body, count, num_tasks, parallel, joins_chunks=False):
    """Sums and stacks `body(0), ..., body(count - 1)`; concatenates stacks if these are chunks."""
    # Tracing the body first reveals the structure of its results, `None` included.
    traced = tf.function(body, autograph=False).get_concrete_function(tf.TensorSpec([], tf.int32))
    to_sum, to_stack = traced.structured_outputs
    sum_specs, restore_sum = _split_none(to_sum)
    stack_specs, restore_stack = _split_none(to_stack)

    def step(index, sums, stacks):
        to_sum, to_stack = traced(index)
        sums = [total + x for total, x in zip(sums, _split_none(to_sum)[0], strict=True)]
        stacks = [s.write(index, x) for s, x in zip(stacks, _split_none(to_stack)[0], strict=True)]
        return index + 1, sums, stacks

    def array(spec):
        # The last chunk may be smaller.
        shape = {"infer_shape": False} if joins_chunks else {"element_shape": spec.shape}
        return tf.TensorArray(spec.dtype, count, **shape)

    _, sums, stacks = tf.while_loop(
        lambda index, *_: index < count,
        step,
        (
            tf.constant(0),
            [tf.zeros(spec.shape, spec.dtype) for spec in sum_specs],
            [array(spec) for spec in stack_specs],
        ),
        parallel_iterations=parallel,
    )
    stacked = [stack.concat() if joins_chunks else stack.stack() for stack in stacks]
    for tensor, spec in zip(stacked, stack_specs, strict=True):
        of_task = spec.shape[1:] if joins_chunks else spec.shape
        tensor.set_shape([num_tasks if isinstance(num_tasks, int) else None, *of_task])
    return restore_sum(sums), restore_stack(stacked)


def _vectorized_chunk(function, elements, numbers):
    restore = []

    @tf.autograph.experimental.do_not_convert
    def present(task_and_number):
        to_sum, to_stack = function(*task_and_number)
        sum_leaves, restore_sum = _split_none(to_sum)
        stack_leaves, restore_stack = _split_none(to_stack)
        restore[:] = [restore_sum, restore_stack]
        return sum_leaves, stack_leaves

    sums, stacks = tf.vectorized_map(present, (elements, numbers), fallback_to_while_loop=False)
    restore_sum, restore_stack = restore
    return restore_sum([tf.reduce_sum(x, axis=0) for x in sums]), restore_stack(stacks)
