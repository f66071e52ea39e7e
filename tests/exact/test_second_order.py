"""What the check of a model finds, beside what central differences say of it."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from keras_meta import exact
from keras_meta.exact import second_order
from keras_meta.exact.second_order import Problem, second_order_problems
from keras_meta.inner_loop.functional import FunctionalModel
from tests.exact import bilevel_problems

VECTOR = tf.TensorSpec((None, 3))


@pytest.mark.parametrize("name", bilevel_problems.RIGHT)
def test_a_model_that_passes_is_right(name, float64):
    model = bilevel_problems.build(name)
    assert second_order_problems(model) == []
    for problem in ("bilevel", "hessian"):
        assert bilevel_problems.error(model, problem) < 1e-6


@pytest.mark.parametrize("name", [*bilevel_problems.WRONG, *bilevel_problems.RAISES])
def test_a_model_that_is_wrong_does_not_pass(name, float64):
    """That it is wrong, `test_twice_differentiable` measures."""
    model = bilevel_problems.build(name)
    found = second_order_problems(model)
    expected = {
        layer.name
        for layer in model.layers
        if "normal" in layer.name
        or isinstance(layer, (layers.UpSampling2D, layers.Resizing))
        or getattr(layer, "activation", None) is keras.activations.softsign
    }
    assert {problem.layer for problem in found} == expected
    assert all(problem.remedy for problem in found)
    with exact.second_derivatives():
        assert second_order_problems(model) == []


def test_names_the_layer_whatever_the_layers_are_called():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(2, name="dense_1"),
            layers.Dense(2, name="dense_2"),
            keras.Sequential([layers.Dense(2, "softsign", name="dense")], name="dense_3"),
        ]
    )
    assert second_order_problems(model) == [
        Problem("dense", "Softsign", second_order.REMEDIES["Softsign"])
    ]


class OwnLayer(layers.Layer):
    """Calls a function of TensorFlow's, with a weight before it."""

    def __init__(self, function):
        super().__init__(name="own")
        self.function = function

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return self.function(x * self.scale)


def model_of(function, shape=(3,)):
    return keras.Sequential([keras.Input(shape), OwnLayer(function)])


def in_a_loop(x):
    _, y = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.nn.softsign(y)), (0, x))
    return y


def in_a_branch(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.softsign(x), lambda: x)


def in_a_function(x):
    return tf.function(tf.nn.softsign)(x)


@pytest.mark.parametrize("function", [in_a_loop, in_a_branch])
def test_finds_what_is_in_loops_and_branches(function):
    assert [p[:2] for p in second_order_problems(model_of(function))] == [("own", "Softsign")]


def test_finds_what_is_in_a_function():
    """The gradient of a call of a function does not say which layer called it."""
    model = model_of(in_a_function)
    assert [p[:2] for p in second_order_problems(model)] == [(model.name, "Softsign")]


@pytest.mark.parametrize(
    "function, shape, operation",
    [
        (tf.nn.local_response_normalization, (4, 4, 3), "LRN"),
        (lambda x: tf.image.resize(x, (2, 2), antialias=True), (4, 4, 3), "ScaleAndTranslate"),
        (lambda x: tf.image.resize(x, (2, 2), "bicubic"), (4, 4, 3), "ResizeBicubic"),
        (
            lambda x: tf.image.crop_and_resize(x, [[0.0, 0.0, 0.5, 0.5]], [0], (2, 2)),
            (4, 4, 3),
            "CropAndResize",
        ),
    ],
)
def test_finds_operations_that_no_stock_layer_uses(function, shape, operation):
    (problem,) = second_order_problems(model_of(function, shape))
    assert problem == Problem("own", operation, second_order.REMEDIES[operation])


def test_finds_operations_that_it_has_no_remedy_for():
    def function(x):
        return tf.nn.fractional_max_pool(x, (1.0, 1.5, 1.5, 1.0), seed=1).output

    (problem,) = second_order_problems(model_of(function, (6, 6, 1)))
    assert problem.operation == "FractionalMaxPool" and "another layer" in problem.remedy


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.stop_gradient(tf.reduce_mean(x)) * x,
        lambda x: x * tf.sign(x) + tf.floor(x) + tf.zeros_like(x),
        lambda x: tf.gather(x, tf.argmax(x, -1), axis=1, batch_dims=1)[:, None] * x,
        lambda x: tf.cast(x > 0, x.dtype) * x,
        tf.custom_gradient(lambda x: (tf.nn.softsign(x), lambda g: g * tf.cos(x))),
    ],
)
def test_lets_pass_what_is_constant_by_its_meaning(function):
    assert second_order_problems(model_of(function)) == []


def test_what_does_not_lead_to_an_output_does_no_harm():
    def function(x):
        tf.debugging.assert_less(tf.reduce_sum(tf.nn.softsign(x)), 1e9)
        return x

    assert second_order_problems(model_of(function)) == []


def test_the_model_is_left_as_it_is():
    model = bilevel_problems.build("BatchNormalization")
    before = [v.numpy() for v in model.variables]
    second_order_problems(model)
    assert all((a == v.numpy()).all() for a, v in zip(before, model.variables, strict=True))
    assert all("call" not in vars(layer) for layer in model.layers)


def test_a_nest_of_inputs_and_outputs():
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((3,), name="b")}
    hidden = layers.Dense(2, "softsign", name="hidden")(inputs["a"])
    outputs = {"x": hidden, "y": layers.Dense(1)(inputs["b"])}
    problems = second_order_problems(keras.Model(inputs, outputs))
    assert [p[:2] for p in problems] == [("hidden", "Softsign")]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2, "softsign", name="inside")

    def call(self, x):
        return self.dense(x)


def test_a_subclassed_model_needs_a_spec():
    model = Subclassed()
    with pytest.raises(ValueError, match="must be built.*Received: model 'subclassed"):
        second_order_problems(model, VECTOR)
    model(tf.zeros((1, 3)))
    with pytest.raises(ValueError, match="pass the shapes and types. Received: .* Subclassed"):
        second_order_problems(model)
    assert [p.layer for p in second_order_problems(model, VECTOR)] == ["inside"]


def test_the_normalisation_of_a_learner_is_exact():
    function = FunctionalModel(bilevel_problems.build("BatchNormalization"))
    spec = tf.TensorSpec((None, *bilevel_problems.IMAGE))
    assert second_order.problems(function, spec) == []
    function = FunctionalModel(bilevel_problems.build("softsign"))
    spec = tf.TensorSpec((None, *bilevel_problems.VECTOR))
    assert [p.operation for p in second_order.problems(function, spec)] == ["Softsign"]
