"""Invented characters and their drawings."""

import numpy as np

from keras_meta.episodes import stroke_drawing


def test_the_pen_draws_a_disc_where_it_is():
    positions = np.array([[[10.0, 4.0]], [[10.0, 4.0]]])  # x to the right, y down
    image = stroke_drawing._rasterize(positions, np.array([1.5, 0.5]), 16)
    assert image.dtype == np.uint8 and image[0, 4, 10] == image[1, 4, 10] == 255
    assert image[0, 4, 8] == image[0, 4, 12] == 0 and image[0, 4, 11] == 255
    assert np.count_nonzero(image[1]) == 1


def test_ink_beyond_the_page_is_lost():
    positions = np.array([[[-40.0, 5.0], [90.0, -3.0], [8.0, 8.0]]])
    image = stroke_drawing._rasterize(positions, np.array([0.5]), 16)
    assert np.count_nonzero(image) == 1 and image[0, 8, 8] == 255


def test_a_curve_passes_its_way_points_at_even_speed():
    points = np.array([[0.0, 0.0], [0.5, 0.3], [1.0, 1.0]])
    for sharp in (True, False):
        path = stroke_drawing._smooth(points.copy(), sharp)
        np.testing.assert_allclose(path[[0, -1]], points[[0, -1]], atol=1e-12)
        assert np.linalg.norm(path - points[1], axis=1).min() < 0.02
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert steps.max() < 1.1 * np.median(steps)


def test_each_drawing_is_another_one_within_the_image():
    random = np.random.default_rng(0)
    paths = stroke_drawing.invent_character(random)
    images = stroke_drawing.write_character(random, paths, 50)
    assert images.shape == (50, 28, 28) and images.dtype == np.uint8
    assert len(np.unique(images, axis=0)) == 50 and images.max() == 255
    edge = np.ones((28, 28), bool)
    edge[1:-1, 1:-1] = False
    assert np.mean(images[:, edge] > 0) < 0.1 * np.mean(images[:, ~edge] > 0)


def test_a_larger_image_shows_the_same_drawing():
    paths = stroke_drawing.invent_character(np.random.default_rng(0))
    small, large = (
        stroke_drawing.write_character(np.random.default_rng(1), paths, 5, size)
        for size in (28, 56)
    )
    averaged = large.reshape(5, 28, 2, 28, 2).mean((2, 4))
    assert np.abs(averaged - small).mean() < 3.0
    assert np.abs(averaged - small[::-1]).mean() > 10.0


def test_characters_have_one_to_four_strokes():
    random = np.random.default_rng(0)
    numbers = [len(stroke_drawing.invent_character(random)) for _ in range(200)]
    assert set(numbers) == {1, 2, 3, 4}
