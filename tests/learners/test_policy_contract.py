"""What every learner of policies does: fit, save, resume, adapt, export, and refuse bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments, registry
from keras_meta.callbacks import ExactResume
from keras_meta.policy_gradients import PPO, TRPO, PolicyGradient
from tests.callbacks.test_exact_resume import Interrupt
from tests.policy_gradients import policies
from tests.quick import slow

ROWS = registry.of_kind("policy")
NAMES = [(row.name, kind) for row in ROWS for kind in policies.KINDS]
RULES = {"trpo": TRPO, "ppo": lambda: PPO(epochs=2), "policy-gradient": PolicyGradient}
every_learner = pytest.mark.parametrize(("name", "kind"), NAMES)
# Gaussian policies, which run the same code, are left to the slow tests.
every_learner_of_one_kind = pytest.mark.parametrize(
    ("name", "kind"), [x if x[1] == "categorical" else slow(*x) for x in NAMES]
)


def make(name="policy-gradient", kind="gaussian", environment=None, **kwargs):
    """A compiled learner of a small policy."""
    row = registry.find("policy", name)
    policy, made = policies.KINDS[kind]()
    learner = row.resolve()(policy, environment or made, **{"seed": 7, **row.trial, **kwargs})
    learner.compile(keras.optimizers.Adam(0.05))
    return learner


def fit(learner, steps=2, start=0, **kwargs):
    data = learner.environment.as_dataset(batch_size=2, start=start)
    return learner.fit(data, **{"steps_per_epoch": steps, "verbose": 0, **kwargs})


def evaluated(learner):
    data = learner.environment.as_dataset(batch_size=3, num_batches=1)
    return learner.evaluate(data, verbose=0, return_dict=True)


def state(learner):
    return [v.numpy() for v in [*learner.variables, *learner.optimizer.variables]]


def check_equal(first, second):
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)


@every_learner_of_one_kind
def test_a_saved_learner_and_an_interrupted_run_go_on_as_one_that_was_not(name, kind, tmp_path):
    # Adam has slots to be restored; a trust region has none.
    rule = {"categorical": "policy-gradient", "gaussian": "trpo"}[kind]
    whole = make(name, kind, outer_rule=RULES[rule]())
    before = [v.numpy() for v in whole.trainable_variables]
    history = fit(whole, steps=3).history
    after = [v.numpy() for v in whole.trainable_variables]
    assert any(np.abs(x - y).max() > 0 for x, y in zip(before, after, strict=True))
    assert "return_0" in history and all(np.isfinite(x).all() for x in history.values())

    whole.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert type(loaded) is type(whole)
    first, second = (x.get_config() for x in (whole, loaded))
    del first["model"], second["model"]  # Keras writes the same class under two names
    assert first == second
    check_equal(state(whole), state(loaded))
    assert evaluated(loaded) == evaluated(whole)
    for each in (whole, loaded):
        fit(each, steps=3, start=3)
    check_equal(state(whole), state(loaded))

    keras.utils.set_random_seed(0)
    for interrupt in (4, None):
        parts = make(name, kind, outer_rule=RULES[rule]())
        resume = ExactResume(tmp_path / "parts", save_every=2)
        callbacks = [resume, Interrupt(resume, interrupt)]
        settings = {"epochs": 2, "initial_epoch": resume.epoch, "callbacks": callbacks}
        try:
            fit(parts, steps=3, start=resume.step, **settings)
        except KeyboardInterrupt:
            assert resume.step == interrupt
        # Other initial weights, which the checkpoint must replace.
        keras.utils.set_random_seed(1)
    check_equal(state(whole), state(parts))


# Adapting to one task.


@every_learner_of_one_kind
def test_adapt_returns_the_policy_of_the_task(name, kind):
    learner = make(name, kind, eval_inner_steps=2)
    tasks = learner.environment.sample(0, 1)
    task = tf.nest.map_structure(lambda x: x[0], tasks)
    stages = learner.trajectories(tasks)
    of_task = [tf.nest.map_structure(lambda x: x[0], stage) for stage in stages]
    before = [v.numpy() for v in learner.variables]
    for steps in (0, 1, 2):
        # The policy that acted in the episodes after so many steps.
        policy = learner.adapt(task, steps=steps)
        assert type(policy) is type(learner.model) and policy is not learner.model
        seen = of_task[steps].observations
        outputs = policy(tf.reshape(seen, [-1, *learner.environment.observation_shape]))
        expected = tf.reshape(of_task[steps].outputs, outputs.shape)
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        if steps:
            given = of_task[0] if steps == 1 else of_task[:steps]
            same = learner.adapt(trajectories=given)
            for x, y in zip(policy.variables, same.variables, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    # Without outputs, the policy before the step is taken to have acted.
    unknown = learner.adapt(trajectories=of_task[0]._replace(outputs=None))
    expected = learner.adapt(task, steps=1)
    for x, y in zip(unknown.variables, expected.variables, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    check_equal(before, [v.numpy() for v in learner.variables])


@every_learner
def test_adapt_acts_in_another_environment(name, kind):
    learner = make(name, kind)
    config = learner.environment.get_config()
    task = tf.nest.map_structure(lambda x: x[0], learner.environment.sample(0, 1))
    same = type(learner.environment)(**config)
    other = type(learner.environment)(**{**config, "horizon": config["horizon"] + 2})
    expected = [x.numpy() for x in learner.adapt(task).trainable_variables]
    found = [x.numpy() for x in learner.adapt(task, environment=same).trainable_variables]
    for x, y in zip(expected, found, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
    changed = [x.numpy() for x in learner.adapt(task, environment=other).trainable_variables]
    assert max(np.abs(x - y).max() for x, y in zip(expected, changed, strict=True)) > 1e-5


@every_learner_of_one_kind
def test_export_acts_and_adapts_where_this_package_is_not(
    name, kind, tmp_path, check_in_clean_process
):
    learner = make(name, kind, num_episodes=4)
    tasks = learner.environment.sample(0, 1)
    episodes = tf.nest.map_structure(lambda x: x[0], learner.trajectories(tasks)[0])
    seen = tf.reshape(episodes.observations, [-1, *learner.environment.observation_shape])
    arrays = {key: x for key, x in episodes._asdict().items() if key != "outputs"}
    policy = {"before": learner.model, "after": learner.adapt(trajectories=episodes)}
    for stage, model in policy.items():
        arrays[f"{stage}_outputs"] = model(seen)
        arrays[f"{stage}_actions"] = learner.distribution.mode(model(seen))
    np.savez(tmp_path / "episodes.npz", seen=seen, **arrays)
    learner.export(tmp_path / "exported", verbose=False)
    check_in_clean_process("policy", tmp_path / "exported", tmp_path / "episodes.npz")


# Bad input.


@keras.saving.register_keras_serializable("tests")
class Faulty(environments.Navigation):
    """Navigation that returns NaN in some tasks of a batch."""

    def __init__(self, fault, seed=0):
        super().__init__(horizon=3, seed=seed)
        self.fault = fault

    def step(self, goal, position, action, noise):
        state, observation, reward, ends, cut = super().step(goal, position, action, noise)
        wrong = tf.where(goal[..., 0] * tf.ones_like(reward) > 0, np.nan, 1.0)
        if self.fault == "rewards":
            reward *= wrong
        else:
            observation *= wrong[..., None]
        return state, observation, reward, ends, cut


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        slow("rewards", {}),
        ("observations", {"outer_rule": PolicyGradient()}),
        slow("rewards", {"outer_rule": PPO()}),
    ],
)
def test_an_environment_that_gives_nan_is_reported_and_nothing_is_lost(fault, settings):
    learner = make(environment=Faulty(fault), **settings)
    marks = " ".join(str(int(x > 0)) for x in learner.environment.sample(0, 8)[:, 0])
    assert "0" in marks and "1" in marks
    before = learner.get_weights()
    data = learner.environment.as_dataset(batch_size=8, num_batches=1)
    message = rf"(?s)The {fault} of an episode must be finite.*Received: NaN.*\[{marks}\]"
    for call in (learner.fit, learner.evaluate):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call(data, verbose=0)
    check_equal(before, learner.get_weights())
    assert int(learner.optimizer.iterations) == 0
    bad = [task for task in learner.environment.sample(0, 8) if task[0] > 0]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"The {fault} of an episode"):
        learner.adapt(bad[0])


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_a_policy_whose_outputs_do_not_fit_the_actions(name):
    policy = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="must have 4 outputs .* Received: a policy with 3"):
        registry.find("policy", name).resolve()(policy, environments.Navigation())


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_trajectories_that_do_not_fit(name):
    learner = make(name)
    tasks = learner.environment.sample(0, 1)
    episodes = tf.nest.map_structure(lambda x: x[0].numpy(), learner.trajectories(tasks)[0])
    horizon, number = learner.environment.horizon, len(episodes.rewards)
    bad = {
        "rewards": (episodes.rewards[0], r"shape \(episodes, horizon\). Received: "),
        "actions": (episodes.actions[..., 0], rf"shape \({number}, {horizon}, 2\)"),
        "observations": (episodes.observations[:, :-1], rf"shape \({number}, {horizon}, 2\)"),
        "mask": (None, "Received: None"),
        "last_observations": (episodes.last_observations * np.nan, "finite numbers"),
    }
    for key, (value, message) in bad.items():
        with pytest.raises(ValueError, match=rf"`trajectories.{key}` must .*{message}"):
            learner.adapt(trajectories=episodes._replace(**{key: value}))
    one = tf.nest.map_structure(lambda x: x[:1], episodes)
    with pytest.raises(ValueError, match="at least 2 episodes.*Received: 1 episode"):
        learner.adapt(trajectories=one)
    with pytest.raises(ValueError, match="Pass either `task`"):
        learner.adapt(tasks[0], trajectories=episodes)


# Replicas.


def trained(strategy, tasks, **kwargs):
    """Weights and history after two steps on batches of four tasks, or a last one of fewer."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        learner = policies.make("gaussian", **kwargs)
    goals = tf.data.Dataset.from_tensor_slices(learner.environment.sample(0, tasks)).batch(4)
    history = learner.fit(goals, verbose=0, shuffle=False).history
    return [v.numpy() for v in learner.trainable_variables], history


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "estimator", "tasks"),
    [
        ("ppo", "log_likelihood", 7),
        ("policy-gradient", "e_maml", 5),
        ("ppo", "e_maml", 5),
        ("policy-gradient", "log_likelihood", 7),
    ],
)
def test_two_devices_learn_what_one_does(rule, estimator, tasks, two_replicas, float64):
    """In the last batch, of 3 tasks or of 1, a device has fewer tasks or none."""
    one_device = tf.distribute.MirroredStrategy(["CPU:0"], tf.distribute.ReductionToOneDevice())
    found = [
        trained(strategy, tasks, outer_rule=RULES[rule](), estimator=estimator)
        for strategy in (one_device, two_replicas)
    ]
    for x, y in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9)
    for key, values in found[0][1].items():
        np.testing.assert_allclose(values, found[1][1][key], rtol=1e-6, atol=1e-9, err_msg=key)


def test_a_trust_region_is_refused_on_two_devices(two_replicas):
    with two_replicas.scope():
        learner = make(outer_rule=TRPO())
    before = learner.get_weights()
    with pytest.raises(ValueError, match="on one device.*Received: a strategy of 2 replicas"):
        fit(learner)
    check_equal(before, learner.get_weights())
