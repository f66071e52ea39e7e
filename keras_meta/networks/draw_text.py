"""Text drawn from a causal model."""

import tensorflow as tf


def draw_text(model, codec, prompt, length=200, temperature=1.0, num_texts=1, context=64, seed=0):
    """Draws texts that continue a prompt, symbol by symbol, in one graph loop.

        c_t ~ softmax(f(c_{t - context}, ..., c_{t - 1}) / temperature)

    Args:
        model: A causal `keras.Model`: symbols `[n, time]` to logits `[n, time, symbols]`, such as a
            `CausalConvNet` or what a learner's `adapt` returns.
        codec: An `episodes.Characters`.
        prompt: str of at least one character.
        length: int. Number of symbols to draw.
        temperature: float. 1 draws from the model, less makes likely symbols likelier, and 0 always
            takes the likeliest.
        num_texts: int.
        context: int. Number of symbols that the model sees. A model with inputs of fixed length
            determines it.
        seed: int. The texts are a function of it.

    Returns:
        List of strs without the prompt.

    Raises:
        ValueError: If the prompt is empty or the temperature negative.

    Example:

    ```python
    import keras_meta

    codec = keras_meta.episodes.Characters()
    model = keras_meta.networks.CausalConvNet(codec.size, width=8)
    (text,) = keras_meta.networks.draw_text(model, codec, "The ", length=20)
    ```
    """
    if not prompt or temperature < 0:
        raise ValueError(
            "`prompt` must have at least one character, and `temperature` be at least 0. "
            f"Received: prompt={prompt!r}, temperature={temperature}."
        )
    start = codec.encode(prompt)
    context = model.input_shape[1] or context
    # Zeros to the right of what is known do not matter to a causal model.
    known = tf.repeat(start[:, None], num_texts, 1)
    text = tf.pad(known, [[0, length + context], [0, 0]])  # time first

    def draw(position, text):
        first = tf.maximum(position - context, 0)
        seen = tf.ensure_shape(tf.transpose(text[first : first + context]), [num_texts, context])
        logits = tf.cast(model(seen, training=False)[:, position - 1 - first], tf.float32)
        if temperature == 0:
            symbols = tf.argmax(logits, -1, tf.int32)
        else:
            of_position = tf.stack([tf.cast(seed, tf.int32), position])
            symbols = tf.random.stateless_categorical(
                logits / temperature, 1, of_position, dtype=tf.int32
            )[:, 0]
        return position + 1, tf.tensor_scatter_nd_update(text, [[position]], symbols[None])

    @tf.function(autograph=False)
    def draw_all(text):
        last = len(start) + length
        first = tf.constant(len(start))
        return tf.while_loop(lambda position, _: position < last, draw, (first, text))[1]

    drawn = draw_all(text).numpy()[len(start) : len(start) + length]
    return [codec.decode(symbols) for symbols in drawn.T]
