"""Each private name does what the package takes it to do. A failure here tells of a new release."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_meta
from keras_meta.exact import private
from keras_meta.exact.replacement import replaced
from tests.quick import slow

IMAGE = (4, 4, 2)


def count_calls(place, layer, **kwargs):
    """How often a layer calls the function of this name."""
    owner, name = place
    stock, calls = getattr(owner, name), []

    def counted(*args, **kwargs):
        calls.append(args)
        return stock(*args, **kwargs)

    x = tf.ones((2, *IMAGE))
    layer(x)  # what building does, does not count
    with replaced([(owner, name, counted)]):
        layer(x, **kwargs)
    return len(calls)


class Attending(layers.Layer):
    """Attention of the pixels of an image to each other."""

    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(1, 2)

    def call(self, x):
        pixels = keras.ops.reshape(x, (-1, 16, 2))
        return self.attention(pixels, pixels)


class Reading(layers.Layer):
    """A layer of sequences, on the pixels of an image."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, x):
        return self.layer(keras.ops.reshape(x, (-1, 16, 2)))


@pytest.mark.parametrize(
    "place, layer, kwargs",
    [
        (private.MOMENTS, lambda: layers.BatchNormalization(), {"training": True}),
        (private.MOMENTS, lambda: layers.GroupNormalization(2), {}),
        (private.MOMENTS, lambda: layers.LayerNormalization(), {}),
        (private.RESIZE, lambda: layers.UpSampling2D(2, interpolation="bilinear"), {}),
        (private.RESIZE, lambda: layers.Resizing(2, 2), {}),
        (private.SOFTSIGN, lambda: layers.Activation("softsign"), {}),
        (private.RELU, lambda: layers.Activation("relu"), {}),
        (private.MAX_POOL, lambda: layers.MaxPooling2D(), {}),
        (private.ATTENTION, lambda: Attending(), {}),
        (private.CONVOLUTION, lambda: layers.Conv2D(2, 3), {}),
        (private.CONVOLUTION, lambda: Reading(layers.Conv1D(2, 3, padding="causal")), {}),
    ],
)
def test_layers_call_what_is_replaced(place, layer, kwargs):
    assert count_calls(place, layer(), **kwargs) == 1


def test_layers_look_up_on_themselves_what_is_replaced_there():
    layer, x = layers.BatchNormalization(), tf.ones((1, *IMAGE))
    layer(x)
    with replaced([(layer, private.CALL, lambda inputs, training=None, mask=None: -inputs)]):
        np.testing.assert_array_equal(layer(x), -x)
    parameters = inspect.signature(layers.BatchNormalization.call).parameters
    assert list(parameters) == ["self", "inputs", "training", "mask"]


class Holder(layers.Layer):
    """A layer that holds another, which `model.layers` does not show."""

    def __init__(self):
        super().__init__(name="holder")
        self.inner = layers.Dense(2, name="hidden_inside")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


def test_sublayers_are_those_of_every_depth_in_order():
    nested = [layers.Dense(3, name="nested"), layers.ReLU(name="nested_too")]
    inner = keras.Sequential([keras.Input((2,)), *nested], name="model")
    model = keras.Sequential([keras.Input((2,)), inner, Holder(), layers.Dense(1, name="head")])
    names = [layer.name for layer in private.sublayers(model)]
    assert [name for name in names if not name.startswith("input_layer")] == [
        "model",
        "nested",
        "nested_too",
        "holder",
        "hidden_inside",
        "head",
    ]


class Recorder(keras.Model):
    """Embeds tokens, and records the types of what it is called with."""

    def __init__(self):
        super().__init__()
        self.embed, self.types = layers.Embedding(5, 1), []

    def call(self, x):
        self.types.append(x.dtype)
        return self.embed(x)[..., 0]


@private.builds_by_replica
class BuiltByReplica(Recorder):
    def build_metrics(self, batch_spec):
        pass


@pytest.mark.parametrize("model, built_by", [(BuiltByReplica, "int32"), slow(Recorder, "float32")])
def test_a_model_is_built_by_the_batch_of_one_replica(model, built_by, two_replicas):
    """If the second case fails, Keras no longer builds models by means of integers."""
    with two_replicas.scope():
        model = model()
        model.compile("sgd", "mse", metrics=["mae"])
    tokens = np.arange(24, dtype="int32").reshape(8, 3) % 5
    model.fit(tokens, tokens.astype("float32"), batch_size=4, verbose=0)
    assert model.types[0] == built_by and model.types[-1] == "int32"


def test_has_strategy(two_replicas):
    model = keras.Sequential([layers.Dense(1)])
    with two_replicas.scope():
        distributed = keras.Sequential([layers.Dense(1)])
    assert private.has_strategy(distributed) and not private.has_strategy(model)


def names(structure):
    return keras.tree.map_structure(lambda x: x.name, structure)


def test_inputs_structure():
    a, b, c = (keras.Input((2,), name=name) for name in "abc")
    total = layers.Add()([a, b, c])
    structure = {"z": [a, c], "b": b}  # not in the order of names
    model = keras.Model(structure, total)
    assert names(private.inputs_structure(model)) == {"z": ["a", "c"], "b": "b"}
    assert names(private.inputs_structure(keras.Model([b, a, c], total))) == ["b", "a", "c"]
    assert names(private.inputs_structure(keras.Model(a, layers.Dense(1)(a)))) == "a"
    sequential = keras.Sequential([keras.Input((2,), name="only"), layers.Dense(1)])
    assert names(private.inputs_structure(sequential)) == "only"
    # Called by another model, it takes what it was made with.
    keras.Model([a, b, c], model({"z": [c, a], "b": b}))
    assert names(private.inputs_structure(model)) == {"z": ["a", "c"], "b": "b"}


def test_inputs_that_are_not_known():
    subclassed = Recorder()
    subclassed(keras.Input((3,), dtype="int32"))
    for model in (subclassed, keras.Sequential([layers.Dense(1)])):
        with pytest.raises(ValueError, match="inputs .* are not known.*Received: model"):
            private.inputs_structure(model)


def test_seed_states_are_what_is_neither_weights_nor_metrics():
    inner = keras.Sequential([keras.Input((3,)), layers.GaussianNoise(0.1, seed=1)])
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dropout(0.5), inner, layers.BatchNormalization()]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(np.ones((2, 3)), np.ones((2, 3)), verbose=0)
    others = {id(v) for v in [*model.weights, *model.metrics_variables]}
    expected = [v.path for v in model.variables if id(v) not in others]
    assert [v.path for v in model.variables if private.is_seed_state(v)] == expected
    assert len(expected) == 2
    assert private.is_seed_state(keras.random.SeedGenerator(1, name="another").state)


def test_lora_weights():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.layers[0].enable_lora(2)
    model.layers[0].trainable = True
    lora = [v for v in model.trainable_variables if private.is_lora(v)]
    assert [tuple(v.shape) for v in lora] == [(4, 2), (2, 3)]
    assert not private.is_lora(layers.Dense(3).add_weight(name="bias"))


@pytest.mark.parametrize(
    "layer", [layers.Dense(3), layers.EinsumDense("ab,bc->ac", 3), layers.Embedding(5, 3)]
)
def test_lora_settings(layer):
    layer.build((None, 4))
    assert private.lora_settings(layer) is None
    layer.enable_lora(2, lora_alpha=5.0)
    assert private.lora_settings(layer) == (2, 5.0)
    assert private.lora_settings(layers.ReLU()) is None


class OwnSparse(keras.losses.SparseCategoricalCrossentropy):
    pass


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.SparseCategoricalCrossentropy(name="of_queries"),
        OwnSparse(name="own"),
        keras.losses.CategoricalGeneralizedCrossEntropy(),
        keras_meta.losses.SparseCategoricalHinge(),
        keras_meta.losses.SparseSigmoidSquaredError(),
    ],
)
def test_losses_that_take_class_numbers(loss):
    assert private.takes_class_numbers(loss)


@pytest.mark.parametrize(
    "loss",
    [
        None,
        "mse",
        keras.losses.mean_squared_error,
        keras.losses.CategoricalHinge(),
        lambda y, p: p,
    ],
)
def test_losses_that_do_not(loss):
    assert not private.takes_class_numbers(loss)


def test_no_other_stock_loss_takes_class_numbers():
    """One that does gives a value for each example where labels have an axis less than scores.

    So does `Circle`, whose labels say which embeddings are alike, and are no numbers of outputs.
    """
    labels = np.array([0, 1, 1])
    scores = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], "float32")
    for value in vars(keras.losses).values():
        is_loss = inspect.isclass(value) and issubclass(value, keras.losses.Loss)
        if not is_loss or value is keras.losses.Circle:
            continue
        try:
            takes_numbers = value(reduction=None)(labels, scores).shape == (3,)
        except (ValueError, TypeError, NotImplementedError, tf.errors.InvalidArgumentError):
            continue
        assert takes_numbers == private.takes_class_numbers(value()), value


def test_the_tracker_of_the_loss():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    loss = model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)[0]
    assert float(private.loss_tracker(model).result()) == pytest.approx(loss)


def test_losses_of_a_scope():
    layer = layers.ActivityRegularization(l2=0.5)
    with keras.StatelessScope(collect_losses=True) as scope:
        layer(tf.constant([[3.0]]))
    assert [float(loss) for loss in private.scope_losses(scope)] == [4.5]


def test_steps_are_traced_anew_and_only_then():
    traces = []

    class Model(keras.Sequential):
        def train_step(self, data):
            traces.append("train")
            return super().train_step(data)

        def test_step(self, data):
            traces.append("test")
            return super().test_step(data)

        def predict_step(self, data):
            traces.append("predict")
            return super().predict_step(data)

    model = Model([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))

    def run():
        traces.clear()
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        return set(traces)

    run()
    assert run() == set()
    private.forget_compiled_steps(model)
    assert run() == {"train", "test", "predict"}


def test_renorm():
    assert not private.uses_renorm(layers.BatchNormalization())
    if "renorm" in inspect.signature(layers.BatchNormalization).parameters:
        assert private.uses_renorm(layers.BatchNormalization(renorm=True))


def test_callbacks_keep_their_state_in_attributes():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    stopping = keras.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=5)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[stopping, plateau], verbose=0)
    state = private.callback_attributes(stopping)
    assert {"wait", "best", "best_epoch", "best_weights", "stopped_epoch"} <= state.keys()
    assert {"wait", "best", "cooldown_counter"} <= private.callback_attributes(plateau).keys()
    state["wait"] = 3
    assert stopping.wait == 3


@tf.custom_gradient
def doubled(x):
    """The identity, whose gradient is doubled."""
    return tf.identity(x), lambda g: 2.0 * g


def operations(function):
    """The operations of a function of a scalar."""
    graph = tf.function(function).get_concrete_function(tf.TensorSpec([])).graph
    return graph.get_operations()


def test_custom_gradients_are_registered_by_name():
    (identity,) = [o for o in operations(doubled) if o.type == "IdentityN"]
    name = private.custom_gradient_name(identity)
    entry = private.custom_gradients()[name]
    assert callable(entry["type"])
    assert private.custom_gradient_name(operations(tf.sin)[1]) is None


def test_operations_with_and_without_a_derivative():
    (identity,) = [o for o in operations(doubled) if o.type == "IdentityN"]
    assert private.has_derivative(identity)

    def has(function):
        return private.has_derivative(operations(function)[-2])  # the last returns the result

    assert has(tf.sin) and has(tf.nn.softsign)
    assert not has(lambda x: tf.raw_ops.SoftsignGrad(gradients=x, features=x))
    assert not has(tf.stop_gradient) and not has(tf.zeros_like)


def test_graphs_inside_loops_branches_and_functions():
    def loop(x):
        return tf.while_loop(lambda x: x < 3.0, lambda x: [tf.exp(x)], [x])

    def branch(x):
        return tf.cond(x > 0.0, lambda: tf.exp(x), lambda: x)

    def call(x):
        return tf.function(tf.exp)(x)

    for function in (loop, branch, call):
        nested = [g for o in operations(function) for g in private.nested_graphs(o)]
        types = {o.type for graph in nested for o in graph.get_operations()}
        assert "Exp" in types, function
        assert all(tensor.dtype for graph in nested for tensor in graph.outputs)


def test_layers_attach_masks_where_they_are_read():
    embedded = layers.Embedding(3, 2, mask_zero=True)(np.array([[0, 2]]))
    np.testing.assert_array_equal(private.keras_mask(embedded), [[False, True]])
    assert private.keras_mask(tf.zeros(2)) is None
    y_pred = tf.constant([[1.0], [2.0]])
    private.set_keras_mask(y_pred, tf.constant([True, False]))
    loss = float(keras.losses.MeanSquaredError()(tf.zeros((2, 1)), y_pred))
    assert loss == pytest.approx(1.0)  # 2.5 without the mask
