"""Which weights the inner steps change, by each way to say it."""

import keras
import pytest

from keras_meta.inner_loop.selection import select


def model():
    layers = keras.layers
    inside = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name="first"), layers.LayerNormalization(name="norm")],
        name="inside",
    )
    return keras.Sequential(
        [
            keras.Input((4,)),
            inside,
            layers.BatchNormalization(name="batch_norm"),
            layers.Dense(4, name="second", use_bias=False),
            layers.Dense(2, name="head"),
        ]
    )


NAMES = [
    *("first/kernel", "first/bias", "norm/gamma", "norm/beta"),
    *("batch_norm/gamma", "batch_norm/beta", "second/kernel", "head/kernel", "head/bias"),
]


def selected(adapted_weights, made=None):
    made = model() if made is None else made
    variables = made.trainable_variables
    positions = select(variables, made, adapted_weights)
    assert positions == sorted(positions)
    return ["/".join(variables[i].path.split("/")[-2:]) for i in positions]


@pytest.mark.parametrize(
    "adapted_weights, expected",
    [
        ("all", NAMES),
        ("head", NAMES[-2:]),
        ("body", NAMES[:-2]),
        ("scales", NAMES[2:6]),
        (["second"], NAMES[6:7]),
        (("norm", "head"), NAMES[2:4] + NAMES[-2:]),
        (["inside"], NAMES[:4]),
        (lambda variable: variable.name == "bias", ["first/bias", "head/bias"]),
    ],
)
def test_what_is_selected(adapted_weights, expected):
    assert selected(adapted_weights) == expected


def test_lora():
    made = model()
    made.get_layer("second").enable_lora(2)
    assert selected("lora", made) == ["second/lora_kernel_a", "second/lora_kernel_b"]


def test_frozen_layers_are_not_among_them():
    made = model()
    made.get_layer("head").trainable = False
    assert selected("all", made) == NAMES[:-2]
    assert selected("head", made) == ["second/kernel"]


@pytest.mark.parametrize(
    "adapted_weights, message",
    [
        ("lora", "selects no trainable weight.*Received: adapted_weights='lora'.*head/bias"),
        ([], r"selects no trainable weight.*Received: adapted_weights=\[\]"),
        ("tail", "must be 'all', 'head', 'body', 'scales', 'lora'.*adapted_weights='tail'"),
        ([3], r"must be 'all'.*Received: adapted_weights=\[3\]"),
        (["haed"], r"does not have: \['haed'\]. Its layers are \[.*'head'\]"),
    ],
)
def test_what_cannot_be_selected(adapted_weights, message):
    with pytest.raises(ValueError, match=message):
        selected(adapted_weights)
