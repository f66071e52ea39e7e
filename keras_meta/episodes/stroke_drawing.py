"""Characters of invented scripts: pen strokes as curves, and their rasterisation."""

import numpy as np

# Number of pen positions along a stroke, so close together that their discs merge into a line.
_PEN_POSITIONS = 80

# Basic shapes of strokes as waypoints in a unit box, to be rotated, stretched and bent. `True`
# marks shapes with sharp corners; the others are smooth curves through their waypoints.
_SHAPES = (
    (((0.5, 0.0), (0.5, 1.0)), True),  # line
    (((0.5, 0.0), (0.6, 0.5), (0.5, 1.0)), False),  # bent line
    (((0.0, 0.1), (0.6, 0.0), (0.9, 0.5), (0.6, 1.0), (0.0, 0.9)), False),  # bow
    (((0.4, 0.0), (0.4, 0.65), (0.6, 1.0), (1.0, 0.75)), False),  # hook
    (((0.0, 0.0), (0.0, 1.0), (0.8, 1.0)), True),  # corner
    (((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), True),  # wedge
    (((0.0, 0.0), (0.9, 0.1), (0.1, 0.9), (1.0, 1.0)), True),  # zigzag
    (((0.9, 0.1), (0.2, 0.1), (0.3, 0.5), (0.8, 0.6), (0.7, 1.0), (0.1, 0.9)), False),  # S
    (((0.5, 0.0), (0.1, 0.3), (0.2, 0.9), (0.8, 0.9), (0.9, 0.3), (0.5, 0.0)), False),  # ring
    (((0.1, 1.0), (0.9, 0.4), (0.5, 0.0), (0.1, 0.4), (0.9, 1.0)), False),  # loop
    (((0.0, 0.8), (0.1, 0.1), (0.5, 0.2), (0.5, 0.8), (0.6, 0.2), (1.0, 0.1), (1.0, 0.9)), False),
    (((0.6, 0.5), (0.4, 0.4), (0.5, 0.7), (0.9, 0.5), (0.6, 0.0), (0.1, 0.4), (0.3, 1.0)), False),
)
_SHAPE_WEIGHTS = (5, 4, 5, 5, 4, 2, 1.5, 2, 2, 1.5, 0.8, 0.8)


def invent_character(random):
    """Invents a character: one to four strokes, each placed relative to the earlier ones.

    Args:
        random: `numpy.random.Generator`.

    Returns:
        List of arrays `[points, 2]`: the paths of the pen, in a box of about unit size.
    """
    paths = []
    num_strokes = random.choice([1, 2, 3, 4], p=[0.2, 0.42, 0.28, 0.1])
    weights = np.array(_SHAPE_WEIGHTS)
    if num_strokes == 1:
        weights[:2] = 0.0  # characters that are a single line would all look alike
    for _ in range(num_strokes):
        points, sharp = _SHAPES[random.choice(len(_SHAPES), p=weights / weights.sum())]
        points = np.array(points) - 0.5
        points = points + random.normal(0.0, 0.07, points.shape)
        points[:, 0] *= random.choice([-1.0, 1.0]) * random.uniform(0.55, 1.0)
        # Handwriting prefers vertical and horizontal strokes to oblique ones.
        angle = random.choice([0.0, 0.5, 1.0, 1.5]) * np.pi + random.normal(0.0, 0.18)
        size = random.uniform(0.75, 1.0) if not paths else random.uniform(0.45, 0.9)
        path = _smooth(size * points @ _rotation(angle), sharp)
        if paths:
            path = path + _place(random, paths, path)
        paths.append(path)
    return paths


def _place(random, paths, path):
    """Chooses the position of a stroke: joined to an earlier one, crossing it, or beside it."""
    earlier = paths[random.integers(len(paths))]
    relation = random.choice(["joined", "crossing", "beside"], p=[0.5, 0.27, 0.23])
    if relation == "joined":
        anchor = earlier[random.choice([0, -1, random.integers(len(earlier))])]
        return anchor - path[random.choice([0, -1])]
    if relation == "crossing":
        return earlier[random.integers(len(earlier))] - path[len(path) // 2]
    drawn = np.concatenate(paths)
    side = random.choice([-1.0, 1.0]) * np.eye(2)[random.integers(2)]
    reach = np.ptp(drawn, axis=0) + np.ptp(path, axis=0)
    middle = (drawn.max(0) + drawn.min(0) - path.max(0) - path.min(0)) / 2
    return middle + side * (reach / 2 + random.uniform(0.1, 0.22))


def write_character(random, paths, num_examples, image_size=28):
    """Draws a character several times, each time slightly differently.

    Each example has its own slant, rotation, proportions, size, position and pen width, and each of
    its strokes is shifted, stretched and bent by a random amount.

    Args:
        random: `numpy.random.Generator`.
        paths: List of arrays `[points, 2]`, from `invent_character`.
        num_examples: Integer.
        image_size: Integer. Side of the square images, in pixels.

    Returns:
        A `uint8` array `[examples, image_size, image_size]`, ink 255 on 0.
    """
    strokes = np.stack(paths)  # [strokes, points, 2]
    center = (strokes.max((0, 1)) + strokes.min((0, 1))) / 2
    # A character that is one horizontal line must not be enlarged to fill the image.
    strokes = (strokes - center) / max(np.ptp(strokes, axis=(0, 1)).max(), 0.8)

    # For each stroke: a stretch and a shift, and slow waves along the path that bend it.
    shape = (num_examples, len(strokes), 1, 2)
    along = np.linspace(0.0, 1.0, strokes.shape[1])[:, None]
    drawn = strokes * random.normal(1.0, 0.07, shape) + random.normal(0.0, 0.028, shape)
    for waves in (0.5, 1.0, 1.7):
        phase = random.uniform(0.0, 2 * np.pi, shape)
        drawn += random.normal(0.0, 0.02, shape) * np.sin(2 * np.pi * waves * along + phase)

    # For each example: rotation, slant, proportions, size, and the position in the image.
    affine = _rotation(random.normal(0.0, 0.09, num_examples))
    affine[:, 1] += affine[:, 0] * random.normal(0.0, 0.12, [num_examples, 1])
    affine *= random.normal(1.0, 0.09, [num_examples, 1, 2])
    affine *= np.clip(random.normal(0.66, 0.07, [num_examples, 1, 1]), 0.45, 0.78)
    place = 0.5 + random.normal(0.0, 0.035, [num_examples, 1, 2])
    drawn = drawn.reshape(num_examples, -1, 2) @ affine + place

    radius = random.normal(0.85, 0.12, num_examples).clip(0.6, 1.2) * image_size / 28
    return _rasterize(drawn * image_size - 0.5, radius, image_size)


def _rotation(angle):
    """Rotation matrices `[..., 2, 2]`, to be multiplied from the right."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], -2)


def _smooth(points, sharp):
    """Follows waypoints at constant speed, on straight lines or on a Catmull-Rom spline."""
    if not sharp:
        before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
        if np.allclose(points[0], points[-1], atol=0.25):
            points[-1] = points[0]
            before, after = points[-2], points[1]
        knots = np.concatenate([[before], points, [after]])
        p0, p1, p2, p3 = (knots[i : len(knots) - 3 + i, None] for i in range(4))
        t = np.linspace(0.0, 1.0, 16, endpoint=False)[:, None]
        spline = p1 + t / 2 * (
            p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * p1 - p0 - 3 * p2 + p3))
        )
        points = np.concatenate([spline.reshape(-1, 2), points[-1:]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    even = np.linspace(0.0, length[-1], _PEN_POSITIONS)
    return np.stack([np.interp(even, length, coordinate) for coordinate in points.T], axis=1)


def _rasterize(positions, radius, image_size):
    """Draws a disc with a soft edge of one pixel at every pen position. Overlaps do not add up.

    Args:
        positions: Array `[examples, positions, 2]` of (x, y), in pixels.
        radius: Array `[examples]`. Radius of the pen, in pixels.
        image_size: Integer. Side of the images, in pixels.
    """
    reach = int(np.ceil(radius.max() + 0.5))
    near = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), -1).reshape(-1, 2)
    pixels = np.rint(positions).astype(int)[:, :, None] + near
    distance = np.linalg.norm(pixels - positions[:, :, None], axis=-1)
    ink = (radius[:, None, None] + 0.5 - distance).clip(0.0, 1.0)
    # Ink outside the image lands in a margin that is cut off.
    padded = image_size + 2 * reach
    images = np.zeros([len(positions), padded, padded])
    column, row = np.moveaxis(pixels.clip(-reach, image_size + reach - 1) + reach, -1, 0)
    np.maximum.at(images, (np.arange(len(positions))[:, None, None], row, column), ink)
    return np.rint(images[:, reach:-reach, reach:-reach] * 255).astype("uint8")
