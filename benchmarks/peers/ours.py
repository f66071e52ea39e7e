"""keras_meta, through `fit` as a user runs it, or the compiled step alone."""

import keras
import tensorflow as tf
import works

import keras_meta


def _model(work):
    layers = keras.layers
    if work.network == "mlp":
        return keras_meta.networks.SinusoidMLP()
    if work.convolves:
        size, channels, filters = work.size
        pooling = "stride" if work.network == "strided" else "max"
        return keras_meta.networks.Conv4(work.ways, (size, size, channels), filters, pooling)
    if work.network in ("gpt", "lora"):
        return _gpt(work)
    tokens = keras.Input((20,), dtype="int32")
    x = layers.Embedding(1000, 64)(tokens)
    if work.network == "lstm":
        return keras.Model(tokens, layers.Dense(5)(layers.LSTM(64)(x)))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 16)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(64)(layers.Dense(128, "relu")(x)))
    return keras.Model(tokens, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))


def _gpt(work):
    layers = keras.layers
    tokens = keras.Input((64,), dtype="int32")
    x = keras_meta.layers.Positions(64)(layers.Embedding(256, 64)(tokens))
    dense = []
    for _ in range(4):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 16)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        dense += [layers.Dense(256, "gelu"), layers.Dense(64)]
        x = x + dense[-1](dense[-2](y))
    model = keras.Model(tokens, layers.Dense(256)(layers.LayerNormalization()(x)))
    if work.network == "lora":
        for variable, value in zip(model.weights, works.frozen_weights(work), strict=True):
            variable.assign(value)
        for layer in model.layers:
            layer.trainable = layer in dense
        for layer in dense:
            layer.enable_lora(4)
            layer.bias.trainable = False
    return model


def make(contender, work, arrays, initial):
    """Returns a function `number -> (meta-steps done, loss)`."""
    keras_meta.config.one_task_per_core()
    model, loss = _model(work), "mse"
    if work.network != "mlp":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for variable, value in zip(model.trainable_variables, initial, strict=True):
        variable.assign(value)
    learner = keras_meta.learners.MAML(
        model, work.rate, inner_steps=work.steps, first_order=work.first_order
    )
    many = "100" in contender
    learner.compile(keras.optimizers.Adam(1e-3), loss, steps_per_execution=100 if many else 1)
    support_x, support_y, query_x, query_y = map(tf.constant, arrays)
    inputs = {"support_x": support_x, "support_y": support_y, "query_x": query_x}
    # As the datasets that `as_dataset` makes.
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensors((inputs, query_y)).repeat()
    dataset = dataset.with_options(options).prefetch(2)

    if contender == "ours, compiled step":
        learner.optimizer.build(learner.trainable_variables)

        @tf.function(autograph=False)
        def loop(number):
            return tf.while_loop(
                lambda index, _: index < number,
                lambda index, _: (index + 1, learner.train_step((inputs, query_y))["loss"]),
                (tf.constant(0), tf.constant(0.0)),
                parallel_iterations=1,
            )[1]

        def compiled_steps(number):
            learner.reset_metrics()
            return number, float(loop(tf.constant(number)))

        return compiled_steps

    class Losses(keras.callbacks.Callback):
        # `fit` calls this after each batch, where a user would look at the loss.
        def on_train_batch_end(self, batch, logs=None):
            self.last = logs["loss"]

    losses = Losses()

    def steps(number):
        number = -(-number // 100) * 100 if many else number
        learner.fit(dataset, steps_per_epoch=number, verbose=0, callbacks=[losses])
        return number, float(losses.last)

    return steps
