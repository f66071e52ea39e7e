"""The inner problem, by a quadratic one whose solution is known."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_loop.problem import InnerProblem, InnerState

RATE, TARGET = 0.25, 3.0


def squared_distance(weights, data, written, step):
    return (weights[0] - data) ** 2, {"seen": tf.cast(step, tf.float32) + data}


def descend(weights, gradients, slots, step):
    return [weights[0] - RATE * gradients[0]], slots + 1


def problem(start=7.0, **parts):
    """`w <- w - (w - 3) / 2`."""
    of_task = InnerProblem(
        initial_weights=[tf.convert_to_tensor(start)],
        loss=squared_distance,
        update=descend,
        keep=lambda weights, written, step: {"weights": weights, "step": step, **written},
        data_at=lambda weights, step, seed: tf.constant(TARGET),
        initial_slots=tf.constant(0),
    )
    return dataclasses.replace(of_task, **parts)


def weights(states):
    return [float(state.weights[0]) for state in states]


def test_states_after_each_step():
    states = list(problem().states(3))
    assert weights(states) == [7.0, 5.0, 4.0, 3.5]
    assert [int(state.slots) for state in states] == [0, 1, 2, 3]
    assert [dict(state.written) for state in states[:2]] == [{}, {"seen": TARGET}]
    assert float(states[-1].written["seen"]) == TARGET + 2.0  # by the last step, whose number is 2


def test_the_start_and_no_steps():
    assert weights([problem().start(), problem().solve(0)]) == [7.0, 7.0]
    assert isinstance(problem().solve(0), InnerState)


def test_losses_before_and_after_each_step():
    np.testing.assert_array_equal(problem().losses(2), [16.0, 4.0, 1.0])


def test_what_is_kept_is_of_all_weights():
    of_task = problem(weights_at=lambda adapted, step: [*adapted, "other"])
    kept = of_task.kept(InnerState([5.0], 1, {"seen": 2.0}), 4)
    assert kept == {"weights": [5.0, "other"], "step": 4, "seen": 2.0}


def solved(way, of_task, steps):
    stored = {"seen": tf.constant(0.0)}.__getitem__
    return {
        "unrolled": lambda: of_task.solve(steps),
        "checkpointed": lambda: of_task.solve_checkpointed(steps, stored),
        "without derivative": lambda: of_task.solve_without_derivative(steps, stored),
    }[way]()


@pytest.mark.parametrize("way", ["unrolled", "checkpointed", "without derivative"])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_all_ways_lead_to_the_same_state(way, steps):
    expected = problem().solve(steps)
    found = solved(way, problem(), steps)
    assert float(found.weights[0]) == float(expected.weights[0])
    assert int(found.slots) == steps
    if steps:
        assert float(found.written["seen"]) == float(expected.written["seen"])


@pytest.mark.parametrize(
    "way, first_order, expected",
    [
        # Through two steps, each of which halves the distance, or adds none of it.
        ("unrolled", False, 0.25),
        ("checkpointed", False, 0.25),
        ("unrolled", True, 1.0),
        ("checkpointed", True, 1.0),
    ],
)
def test_the_derivative_by_the_initial_weight(way, first_order, expected):
    start = tf.constant(7.0)
    with tf.GradientTape() as tape:
        tape.watch(start)
        last = solved(way, problem(start, first_order=first_order), 2).weights[0]
    assert tape.gradient(last, start) == expected


def test_a_loss_that_writes_nothing_needs_nothing_stored():
    silent = problem(loss=lambda weights, data, written, step: ((weights[0] - data) ** 2, written))
    assert float(silent.solve_without_derivative(2).weights[0]) == 4.0


def test_what_a_loop_starts_from_is_complete():
    start = problem().complete({"seen": -1.0}.__getitem__)
    assert start.written == {"seen": -1.0} and float(start.weights[0]) == 7.0


# Each part may be another.


def test_data_are_those_of_the_step_its_weights_and_its_seed():
    seen = []

    def data_at(weights, step, seed):
        seen.append((float(weights[0]), step, tuple(seed.numpy())))
        return tf.constant(TARGET)

    problem(data_at=data_at, seed=tf.constant([1, 2])).solve(2)
    assert [x[:2] for x in seen] == [(7.0, 0), (5.0, 1)]
    fold_in = tf.random.experimental.stateless_fold_in
    assert [x[2] for x in seen] == [tuple(fold_in([1, 2], k).numpy()) for k in (0, 1)]


def test_without_a_seed_there_is_none():
    seeds = []
    problem(data_at=lambda weights, step, seed: seeds.append(seed) or TARGET).solve(1)
    assert seeds == [None]


def test_by_default_all_weights_adapt_and_the_loss_knows_its_data():
    of_task = InnerProblem(
        [tf.constant(7.0)],
        loss=lambda weights, data, written, step: (
            (weights[0] - TARGET) ** 2 if data is None else np.nan,
            written,
        ),
        update=lambda weights, gradients, slots, step: ([weights[0] - RATE * gradients[0]], slots),
    )
    assert weights(of_task.states(2)) == [7.0, 5.0, 4.0]


def test_weights_that_differ_from_step_to_step_are_part_of_the_loss_and_do_not_adapt():
    shifts = tf.constant([1.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(shifts)
        of_task = problem(
            weights_at=lambda adapted, step: [*adapted, shifts[step]],
            loss=lambda every, data, written, step: ((every[0] + every[1] - data) ** 2, written),
        )
        (last,) = of_task.solve(2).weights
    # w_1 = (w_0 + 3 - s_0) / 2, w_2 = (w_1 + 3 - s_1) / 2
    assert float(last) == ((7.0 + 3.0 - 1.0) / 2 + 3.0 + 1.0) / 2
    np.testing.assert_array_equal(tape.gradient(last, shifts), [-0.25, -0.5])


def test_a_scale_that_the_loss_returns_changes_no_step():
    def scaled(weights, data, written, step):
        return *squared_distance(weights, data, written, step), tf.constant(1024.0)

    assert weights(problem(loss=scaled).states(2)) == [7.0, 5.0, 4.0]


def test_the_update_has_slots_and_the_number_of_the_step():
    def update(weights, gradients, slots, step):
        velocity = slots - tf.cast(step + 1, tf.float32) * gradients[0] / 8
        return [weights[0] + velocity], velocity

    states = problem(update=update, initial_slots=tf.constant(0.0)).states(2)
    # Gradients 8 and 6 at 7 and 6; velocities -1 and -1 - 2 * 6 / 8.
    assert weights(states) == [7.0, 6.0, 3.5]
