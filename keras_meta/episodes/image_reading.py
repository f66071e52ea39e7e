"""Reading of the images of an episode from disk."""

import os

import numpy as np
import tensorflow as tf

from keras_meta.episodes.images import (
    check_color_mode,
    check_image_size,
    read_image,
    scale_images,
)


def read_images(image_size, color_mode="grayscale"):
    """Returns a `preprocess` function for a sampler whose examples are names of image files.

    Only the images of the current episodes are in memory. They are read in parallel, on as many
    threads as there are cores, while the previous training step runs.

    Args:
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which every
            image is resized.
        color_mode: `"grayscale"` or `"rgb"`.

    Returns:
        Function that takes a tensor of file names `[examples]` and returns `float32` images in
        `[0, 1]`, `[examples, height, width, channels]`. If a file cannot be read, iterating over
        the dataset raises an error that names the file.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import os
    import tempfile
    import keras
    import numpy as np
    from keras_meta import episodes

    folder = tempfile.mkdtemp()
    for name in ("cats", "dogs"):
        os.makedirs(f"{folder}/{name}")
        for number in range(2):
            file = f"{folder}/{name}/{number}.png"
            keras.utils.save_img(file, np.zeros([32, 32, 3]), scale=False)
    files, y = episodes.image_files(folder)
    sampler = episodes.EpisodeSampler(
        files, y, 2, 1, 1, preprocess=episodes.read_images((28, 28), color_mode="rgb")
    )
    inputs, _ = sampler.sample(0, 1)
    print(inputs["support_x"].shape)  # (1, 2, 28, 28, 3)
    ```
    """
    height, width = check_image_size(image_size)
    check_color_mode(color_mode)
    shape = [height, width, 1 if color_mode == "grayscale" else 3]

    def read(file):
        return read_image(os.fsdecode(np.asarray(file).item()), (height, width), color_mode)

    def one(file):
        return tf.ensure_shape(tf.numpy_function(read, [file], tf.uint8, stateful=False), shape)

    def preprocess(files):
        signature = tf.TensorSpec(shape, tf.uint8)
        images = tf.map_fn(
            one, files, fn_output_signature=signature, parallel_iterations=os.cpu_count()
        )
        return scale_images(images)

    return preprocess
