"""The learners and the baselines, all from one pooled model."""

import functools

import keras

from keras_meta import baselines, generators, learners, networks
from keras_meta.exact.copying import clone
from keras_meta.inner_optimizers import SGD, Learned

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
STEPS = 5
MODELS = {
    "convolution": networks.CausalConvNet,
    "recurrent": networks.CharacterGRU,
    "transformer": functools.partial(networks.CausalTransformer, length=384),
}


def rates(initial, per="layer"):
    """Learned rates with clipped gradients: without clipping, an unlucky language diverges."""
    learned = Learned(initial, per=per, per_step=per != "parameter")
    return SGD(learned, global_clipnorm=3.0)


def dense_layers(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def with_lora(model, rank=8):
    """A copy in which what adapts of dense layers is of low rank."""
    model = clone(model)
    for layer in dense_layers(model):
        layer.enable_lora(rank)
    return model


def with_contexts(model, size=32):
    """A copy whose dense layers each have a context: a language is some small vectors."""
    copy = clone(model)
    return networks.with_context(copy, size, [layer.name for layer in dense_layers(copy)])


def maml(model, **kwargs):
    return learners.MAML(clone(model), inner_steps=STEPS, inner_optimizer=rates(0.3), **kwargs)


def generator(model):
    features = networks.embedding(clone(model))
    film = generators.FiLM(clone(model), units=128, generate_head=False)
    return learners.LearnerGenerator(features, film, task_embedding_size=128)


LEARNERS = {
    # Trained on as long, without adaptation: what the outer steps alone are worth.
    "no inner steps": lambda model: learners.MAML(clone(model), inner_steps=0),
    "maml": maml,
    "first-order maml": lambda model: learners.MAML(
        clone(model),
        inner_steps=STEPS,
        inner_optimizer=SGD(0.3, global_clipnorm=3.0),
        first_order=True,
    ),
    "meta-sgd": lambda model: learners.MetaSGD(
        clone(model), inner_steps=STEPS, inner_optimizer=rates(0.3, "parameter")
    ),
    "anil": lambda model: learners.ANIL(
        clone(model), inner_steps=STEPS, inner_optimizer=rates(0.3)
    ),
    "lora": lambda model: learners.MAML(
        with_lora(model), inner_steps=STEPS, inner_optimizer=rates(0.3), adapted_weights="lora"
    ),
    "cavia": lambda model: learners.CAVIA(
        with_contexts(model), inner_steps=STEPS, inner_optimizer=rates(1.0)
    ),
    "reptile": lambda model: learners.Reptile(
        clone(model), inner_steps=STEPS, inner_optimizer=SGD(0.3, global_clipnorm=3.0)
    ),
    "generator": generator,
}


def outer_optimizer(name, rate, iterations):
    """Adam with a decay; for Reptile, whose gradient is a difference of weights, SGD."""
    if name == "reptile":
        return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.5, iterations))
    decay = keras.optimizers.schedules.CosineDecay(rate, iterations)
    return keras.optimizers.Adam(decay, global_clipnorm=1.0)


def fine_tuned(model, steps=(1, 3, 5, 10, 30)):
    """Fine-tuning by rate, optimizer and number of steps; of all weights or of the head."""
    every = [
        baselines.FineTuning(model, rate, steps, optimizer=optimizer)
        for optimizer, some in (
            ("adam", (0.001, 0.003, 0.01)),
            ("sgd", (0.1, 0.3, 1.0)),
            ("momentum", (0.03, 0.1)),
        )
        for rate in some
    ]
    return [*every, *(baselines.FineTuning(model, r, steps, head_only=True) for r in (0.01, 0.03))]


def dynamic(model):
    """Models that go on learning from each line that they have predicted, by rate and passes."""
    return [
        baselines.DynamicEvaluation(model, rate, optimizer, passes)
        for optimizer, some in (("sgd", (0.1, 0.3)), ("adam", (0.0003, 0.001)))
        for rate in some
        for passes in (1, 3)
    ]


def candidates(model, num_symbols):
    """Baselines by name, each a list to choose from on validation languages."""
    return {
        "pooled": [baselines.SupportContext(model, (0,))],
        "pooled, support as context": [baselines.SupportContext(model, (0, 64, 256))],
        "fine-tuned": fine_tuned(model),
        "n-gram": [baselines.Ngram(num_symbols, (1, 2, 3, 4, 5))],
    }


def mixed_with_ngrams(method, num_symbols):
    """The mixture of a method with an n-gram model of the support."""
    ngrams = baselines.Ngram(num_symbols, (2, 3, 4))
    return baselines.MixedPredictions(method, ngrams, (0.5, 0.7, 0.8, 0.9, 0.95))
