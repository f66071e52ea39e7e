"""The outer model, with tasks into which it never looks: bandits."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import callbacks
from keras_meta.outer_loop import Outcome, OuterModel
from tests import finite_differences
from tests.outer_loop.bandits import NUM_ARMS, Arms, Bandits, compiled, reward

UNSEEN = Arms(seed=1)
# Where nothing depends on how well it learns.
small = functools.partial(compiled, inner_steps=1)


@pytest.fixture(scope="module")
def fitted():
    """A learner after 60 outer steps, and the history of them."""
    keras.utils.set_random_seed(0)
    learner = compiled()
    return learner, learner.fit(Arms().as_dataset(16), steps_per_epoch=30, epochs=2, verbose=0)


def test_fit_makes_progress(fitted):
    learner, history = fitted
    test = UNSEEN.as_dataset(100, num_batches=1)
    before = compiled().evaluate(test, verbose=0, return_dict=True)["reward"]
    after = learner.evaluate(test, verbose=0, return_dict=True)["reward"]
    without_adapting = compiled(inner_steps=0)
    without_adapting.set_weights(learner.get_weights())
    initial = without_adapting.evaluate(test, verbose=0, return_dict=True)["reward"]
    # The best that is possible is 0.9; by chance it is 0.3; 0.5 if one knows which arms may pay.
    assert initial == pytest.approx(0.5, abs=0.05)
    assert after > 0.8 and after > initial + 0.3 and after > before + 0.1
    assert history.history["reward"][-1] > history.history["reward"][0]


def test_evaluate_draws_the_same_again_and_changes_nothing(fitted):
    learner, _ = fitted
    test, weights = UNSEEN.as_dataset(8, num_batches=2), learner.get_weights()
    first = learner.evaluate(test, verbose=0, return_dict=True)
    assert first == learner.evaluate(test, verbose=0, return_dict=True)
    for a, b in zip(weights, learner.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = compiled(seed=1)
    other.set_weights(weights)
    assert other.evaluate(test, verbose=0, return_dict=True)["loss"] != first["loss"]


def test_predict_returns_what_each_task_has_learned(fitted):
    learner, _ = fitted
    test = UNSEEN.as_dataset(8, num_batches=2)
    policies = learner.predict(test, verbose=0)
    assert policies.shape == (16, NUM_ARMS)
    np.testing.assert_allclose(policies.sum(-1), 1.0, rtol=1e-5)
    arms = np.concatenate(list(test))
    found = learner.evaluate(test, verbose=0, return_dict=True)["reward"]
    np.testing.assert_allclose(np.mean(reward(arms, policies)), found, rtol=1e-5)


def test_an_outer_step_is_a_function_of_the_seed():
    arms = UNSEEN.sample(0, 4)
    first, again, other = (small(seed=seed).meta_gradients(arms)[0][0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_tasks_and_outer_steps_have_noise_of_their_own():
    learner = small()
    same = tf.repeat(UNSEEN.sample(0, 1), 3, axis=0)
    losses = []
    for step in range(2):
        learner.optimizer.iterations.assign(step)
        losses += learner.meta_gradients(same)[1].loss.numpy().tolist()
    assert len(set(losses)) == 6


def test_meta_gradient_equals_central_differences(float64):
    """With common random numbers: so small a step changes no pull."""
    learner = small()
    learner.logits.assign([0.3, -0.2, 0.1, 0.0])
    arms = UNSEEN.sample(0, 3)
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(arms)
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(arms)[1].loss), variables, direction
    )
    found = finite_differences.dot(gradients, direction)
    assert abs(expected) > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.slow
def test_a_run_in_two_parts_ends_like_one_that_was_not_interrupted(tmp_path):
    whole, first = small(), small()
    whole.fit(Arms().as_dataset(4), steps_per_epoch=4, verbose=0)
    first.fit(Arms().as_dataset(4), steps_per_epoch=2, verbose=0)
    first.save(tmp_path / "learner.keras")
    second = keras.models.load_model(tmp_path / "learner.keras")
    second.fit(Arms().as_dataset(4, start=2), steps_per_epoch=2, verbose=0)
    np.testing.assert_array_equal(second.logits.numpy(), whole.logits.numpy())
    assert not np.array_equal(first.logits.numpy(), whole.logits.numpy())


def test_a_run_is_resumed_inside_an_epoch(tmp_path):
    def run(resume, **kwargs):
        learner = small()
        learner.fit(
            Arms().as_dataset(4, start=resume.step),
            steps_per_epoch=4,
            initial_epoch=resume.epoch,
            callbacks=[resume, *kwargs.pop("callbacks", ())],
            verbose=0,
        )
        return learner.logits.numpy()

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    whole = run(callbacks.ExactResume(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        run(callbacks.ExactResume(tmp_path / "parts", save_every=1), callbacks=[Killed()])
    resume = callbacks.ExactResume(tmp_path / "parts")
    assert 0 < resume.step < 4
    np.testing.assert_array_equal(run(resume), whole)


def test_weights_are_saved_and_loaded(fitted, tmp_path):
    learner, _ = fitted
    learner.save_weights(tmp_path / "learner.weights.h5")
    fresh = compiled()
    fresh.load_weights(tmp_path / "learner.weights.h5")
    arms = UNSEEN.sample(0, 4)
    np.testing.assert_array_equal(fresh.predict(arms, verbose=0), learner.predict(arms, verbose=0))


@pytest.mark.slow
def test_two_replicas_equal_one_device():
    results = []
    for devices in (1, 2):
        strategy = tf.distribute.MirroredStrategy(
            [f"CPU:{i}" for i in range(devices)], tf.distribute.ReductionToOneDevice()
        )
        with strategy.scope():
            learner = small()
        history = learner.fit(Arms().as_dataset(4), steps_per_epoch=3, verbose=0).history
        logs = learner.evaluate(UNSEEN.as_dataset(4, 1), verbose=0, return_dict=True)
        results.append([learner.logits.numpy(), history["loss"], history["reward"], logs["reward"]])
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-6)


# Another outer step is another `outer_update`, and nothing else.


def test_a_learner_that_was_never_compiled_has_meta_gradients():
    learner, tasks = Bandits(), tf.constant([[0.9, 0.1, 0.1, 0.1]])
    (gradient,), outcome = learner.meta_gradients(tasks)
    assert gradient.shape == learner.logits.shape and outcome.loss.shape == (1,)
    assert learner.scale_loss(2.0) == 2.0


class TwoEpochs(Bandits):
    """Takes two steps on each batch."""

    def outer_update(self, tasks):
        outcome = super().outer_update(tasks)
        super().outer_update(tasks)
        return outcome


class LineSearch(Bandits):
    """Halves the step along the meta-gradient until the loss of the batch is lower."""

    def outer_update(self, tasks):
        gradients, outcome = self.meta_gradients(tasks)
        start = [tf.identity(variable) for variable in self.trainable_variables]
        loss = tf.reduce_mean(outcome.loss)

        def take(rate):
            for variable, w, gradient in zip(
                self.trainable_variables, start, gradients, strict=True
            ):
                variable.assign(w - rate * gradient)

        def worse(rate):
            take(rate)
            return tf.reduce_mean(self.learn_tasks(tasks, training=True).loss) > loss

        take(tf.while_loop(worse, lambda rate: rate / 2, [tf.constant(64.0)])[0])
        self.optimizer.iterations.assign_add(1)
        return outcome


def test_two_epochs_on_one_batch_are_two_steps():
    twice, plain = small(TwoEpochs), small()
    twice.fit(Arms().as_dataset(4), steps_per_epoch=2, verbose=0)
    each_twice = Arms().as_dataset(4).flat_map(lambda x: tf.data.Dataset.from_tensors(x).repeat(2))
    plain.fit(each_twice, steps_per_epoch=4, verbose=0)
    np.testing.assert_array_equal(twice.logits.numpy(), plain.logits.numpy())
    assert int(twice.optimizer.iterations) == 4


def test_a_line_search_never_raises_the_loss_of_its_batch():
    learner = small(LineSearch)
    arms = UNSEEN.sample(0, 4)
    for step in range(3):
        start = learner.logits.numpy()
        before = np.mean(learner.learn_tasks(arms, training=True).loss)
        learner.fit(tf.data.Dataset.from_tensors(arms), verbose=0)
        assert int(learner.optimizer.iterations) == step + 1
        assert not np.array_equal(learner.logits.numpy(), start)
        learner.optimizer.iterations.assign(step)  # the pulls of this step again
        after = np.mean(learner.learn_tasks(arms, training=True).loss)
        learner.optimizer.iterations.assign(step + 1)
        assert after <= before


# The parts that a subclass may define, and what is said where they are wrong.


class Means(OuterModel):
    """The loss of a task, a pair of a tensor and a mask, is its masked squared distance to `w`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = self.add_weight(shape=(), initializer="zeros", name="w")
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def unpack(self, data):
        return {"x": data[0], "mask": data[1]}

    def unpack_inputs(self, inputs):
        return {"x": inputs, "mask": None}

    def learn_task(self, task, training, seed):
        x, mask = task["x"], task["mask"]
        mask = tf.ones_like(x) if mask is None else mask
        loss = tf.reduce_sum(mask * tf.square(x - self.w)) / tf.reduce_sum(mask)
        return Outcome(loss, x - self.w, {"number": tf.reduce_sum(mask)})

    def absorb(self, observed):
        self.seen.assign_add(tf.reduce_sum(observed["number"]))


X, MASK = tf.constant([[1.0, 3.0], [5.0, 100.0]]), tf.constant([[1.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
def test_unpack_and_absorb(task_map):
    learner = Means(task_map=task_map)
    learner.compile(keras.optimizers.SGD(0.25))
    (loss,) = learner.fit(tf.data.Dataset.from_tensors((X, MASK)), verbose=0).history["loss"]
    assert loss == ((1 + 9) / 2 + 25) / 2
    # The gradient is -(mean of 1 and 3) - 5: twice the mean over tasks of the distance.
    assert float(learner.w) == 0.25 * (2 + 5) and float(learner.seen) == 3
    np.testing.assert_allclose(learner.predict(X, verbose=0), X - learner.w.numpy())
    learner.evaluate(tf.data.Dataset.from_tensors((X, MASK)), verbose=0)
    assert float(learner.seen) == 3


def test_an_optimizer_that_scales_the_loss_changes_no_step():
    weights = []
    for optimizer in (
        keras.optimizers.SGD(0.25),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25)),
    ):
        learner = Means()
        learner.compile(optimizer)
        learner.fit(tf.data.Dataset.from_tensors((X, MASK)), verbose=0)
        weights.append(float(learner.w))
    assert weights[0] == weights[1] != 0


def test_what_is_missing_is_named():
    learner = OuterModel()
    learner.compile("sgd")
    with pytest.raises(NotImplementedError, match="OuterModel must define `learn_task`"):
        learner.fit(tf.data.Dataset.from_tensors(X), verbose=0)
    with pytest.raises(ValueError, match="`task_map` must be one of.*Received: task_map='fast'"):
        OuterModel(task_map="fast")


def test_a_loss_that_depends_on_no_weight():
    class Aloof(Means):
        def learn_task(self, task, training, seed):
            outcome = super().learn_task(task, training, seed)
            return outcome._replace(loss=tf.reduce_sum(task["x"]))

    learner = Aloof()
    learner.compile("sgd")
    with pytest.raises(ValueError, match="No weight has a meta-gradient.*1 trainable variables"):
        learner.fit(tf.data.Dataset.from_tensors((X, MASK)), verbose=0)


def test_a_divergence_is_reported_with_what_the_learner_says_of_it():
    class Talkative(Means):
        def how_learning_went(self, task):
            return f"Its largest value is {task['x'].numpy().max():.0f}."

    learner = Talkative()
    learner.compile("sgd")
    x = tf.constant([[1.0, 3.0], [5.0, 1e9]])
    with pytest.warns(RuntimeWarning, match="1 of 2 tasks diverged.*Its largest value is 1000000"):
        learner.fit(tf.data.Dataset.from_tensors((x, tf.ones_like(x))), verbose=0)
