"""Loading of image files from folders."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np

from keras_meta.episodes.images import check_color_mode, check_image_size, read_image

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def load_images(path, image_size, color_mode="grayscale"):
    """Loads all images in a folder and its subfolders, in the order of their names.

    Images are the files ending in `.png`, `.jpg`, `.jpeg`, `.bmp` or `.gif`. Other files and hidden
    files are skipped.

    Args:
        path: String or path of the folder.
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which every
            image is resized.
        color_mode: `"grayscale"` or `"rgb"`.

    Returns:
        A tuple `(x, files)`: a `uint8` array `[images, height, width, channels]`, and a list of the
        file names relative to `path`, with forward slashes.

    Raises:
        ValueError: If the folder is missing or holds no images, or an image cannot be read.

    Example:

    ```python
    import tempfile
    import keras
    import numpy as np
    from keras_meta import episodes

    folder = tempfile.mkdtemp()
    keras.utils.save_img(folder + "/first.png", np.zeros([32, 32, 1]), scale=False)
    x, files = episodes.load_images(folder, image_size=28)
    print(x.shape, files)  # (1, 28, 28, 1) ['first.png']
    ```
    """
    path = _existing_folder(path)
    files = sorted_images(path)
    if not files:
        raise ValueError(
            f"There are no images in {path}. Add files that end in {', '.join(_SUFFIXES)}."
        )
    x = read_all([path / file for file in files], image_size, color_mode)
    return x, files


def from_directory(path, image_size, color_mode="grayscale"):
    """Loads a data set from a folder with one folder of images per class.

    Folders may be nested, as in `alphabet/character/drawing.png`: every innermost folder is a
    class, named by its path relative to `path`, here `"alphabet/character"`.

    Args:
        path: String or path of the folder.
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which every
            image is resized.
        color_mode: `"grayscale"` or `"rgb"`.

    Returns:
        A tuple `(x, y)` to pass to `EpisodeSampler`: a `uint8` array
        `[images, height, width, channels]` and an array of class names.

    Raises:
        ValueError: If the folder is missing or has no class folders, a class folder is empty, a
            folder mixes images and folders, or an image cannot be read.

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
        keras.utils.save_img(f"{folder}/{name}/1.png", np.zeros([32, 32, 3]), scale=False)
    x, y = episodes.from_directory(folder, image_size=(28, 28), color_mode="rgb")
    print(x.shape, y)  # (2, 28, 28, 3) ['cats' 'dogs']
    ```
    """
    files, y = image_files(path)
    return read_all(files, image_size, color_mode), y


def image_files(path):
    """Lists the images of a folder with one folder of images per class, without reading them.

    It is for data that do not fit in memory: pass the file names to `EpisodeSampler` as examples,
    with `preprocess=read_images(...)`, which reads the images that an episode needs. See
    `from_directory` for the layout of the folder.

    Args:
        path: String or path of the folder.

    Returns:
        A tuple `(files, y)`: an array of the paths of the files and an array of class names.

    Raises:
        ValueError: If the folder is missing or has no class folders, a class folder is empty, or a
            folder mixes images and folders.

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
        keras.utils.save_img(f"{folder}/{name}/1.png", np.zeros([32, 32, 3]), scale=False)
    files, y = episodes.image_files(folder)
    print(files[0].endswith("cats/1.png"), y)  # True ['cats' 'dogs']
    ```
    """
    path = _existing_folder(path)
    for folder, subfolders, images in _walk(path):
        if folder == path and not subfolders:
            raise ValueError(
                f"There are no class folders in {path}. Put the images of each class into a folder "
                f"of their own. Received: a folder with {len(images)} images and no folders."
            )
        if images and subfolders:
            raise ValueError(
                f"A folder must contain either the images of one class or other folders. Received: "
                f"{folder} with {len(images)} images and {len(subfolders)} folders. Move the "
                "images into a class folder."
            )
        if not images and not subfolders:
            raise ValueError(
                f"The class folder {folder} has no images. Add images or remove the folder."
            )
    files = sorted_images(path)
    return (
        np.array([str(path / file) for file in files]),
        np.array([str(PurePosixPath(file).parent) for file in files]),
    )


def read_all(files, image_size, color_mode):
    """Returns the images of files, a `uint8` array `[images, height, width, channels]`.

    They are read on as many threads as there are cores.
    """
    image_size = check_image_size(image_size)
    check_color_mode(color_mode)
    x = np.empty([len(files), *image_size, 1 if color_mode == "grayscale" else 3], "uint8")

    def read(row):
        x[row] = read_image(files[row], image_size, color_mode)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        # The first file in their order that cannot be read is the one that is reported.
        for _ in threads.map(read, range(len(files))):
            pass
    return x


def sorted_images(path):
    """Returns the names of all images in a folder and its subfolders, relative to the folder."""
    return sorted(
        (folder / name).relative_to(path).as_posix()
        for folder, _, images in _walk(path)
        for name in images
    )


def _existing_folder(path):
    path = Path(path)
    if not path.is_dir():
        kind = "a file" if path.exists() else "nothing there"
        raise ValueError(f"`path` must be a folder. Received: path={str(path)!r} ({kind}).")
    return path


def _walk(path):
    """Like `os.walk`, but yields only visible folders and visible images, folders in order."""
    for folder, subfolders, files in os.walk(path, followlinks=True):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        images = [
            name for name in files if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
        yield Path(folder), subfolders, images
