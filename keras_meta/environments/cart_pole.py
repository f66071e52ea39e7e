"""Cart-pole, with physical constants that are drawn for each task."""

import math

import keras
import tensorflow as tf

from keras_meta.environments.environment import Environment
from keras_meta.environments.spaces import Discrete
from keras_meta.episodes.arguments import check_range

_FORCE = 10.0  # newtons
_SECONDS_PER_STEP = 0.02
_POSITION_LIMIT = 2.4  # metres
_ANGLE_LIMIT = math.radians(12)
_START = 0.05


@keras.saving.register_keras_serializable("keras_meta")
class CartPole(Environment):
    """A pole on a cart that is pushed to the left (0) or to the right (1) to keep the pole upright.

    The state is the position and velocity of the cart and the angle and angular velocity of the
    pole, `x, v, theta, omega`, and is observed in full. With gravity `g`, masses `m_cart` and
    `m_pole`, `m = m_cart + m_pole`, half the pole's length `l` and a force `F` of 10 N,

        u = (F + m_pole l omega^2 sin theta) / m
        alpha = (g sin theta - u cos theta) / (l (4/3 - m_pole cos^2 theta / m))
        x'' = u - m_pole l alpha cos theta / m

    integrated by Euler's method in steps of 0.02 s. An episode starts with all four uniform in
    (-0.05, 0.05). Each step is rewarded with 1, also the last; the episode terminates when the cart
    is more than 2.4 m from the centre or the pole more than 12 degrees from upright. At the horizon
    an episode is cut off: it would go on.

    A task is a dict of `gravity`, `cart_mass`, `pole_mass` and `half_length`. With the values
    9.8, 1, 0.1 and 0.5 it is Gymnasium's CartPole-v1.

    Args:
        gravity: Pair of floats `(low, high)`, range of the acceleration, in m/s^2.
        cart_mass: Pair of positive floats `(low, high)`, in kg.
        pole_mass: Pair of positive floats `(low, high)`, in kg.
        half_length: Pair of positive floats `(low, high)`: half the length of the pole, in m.
        horizon: int. Steps in an episode.
        seed: int. The stream of tasks is a function of it.

    Raises:
        ValueError: If a range is not a pair `(low, high)`, or a mass or length is not positive.

    Example:

    ```python
    from keras_meta import environments

    cart_pole = environments.CartPole(half_length=(0.25, 2.0), gravity=(9.8, 9.8))
    tasks = cart_pole.sample(first_task=0, num_tasks=4)
    assert tasks["half_length"].shape == (4,)
    ```

    Reference:
        Barto, Sutton, Anderson: "Neuronlike adaptive elements that can solve difficult learning
        control problems", IEEE Transactions on Systems, Man, and Cybernetics, 1983.
    """

    ends_at_horizon = False

    def __init__(
        self,
        gravity=(5.0, 15.0),
        cart_mass=(0.5, 2.0),
        pole_mass=(0.05, 0.5),
        half_length=(0.25, 1.0),
        horizon=500,
        seed=0,
    ):
        super().__init__((4,), Discrete(2), horizon, reset_noise=4, seed=seed)
        self.gravity = check_range("gravity", gravity)
        self.cart_mass = _positive_range("cart_mass", cart_mass)
        self.pole_mass = _positive_range("pole_mass", pole_mass)
        self.half_length = _positive_range("half_length", half_length)

    def sample(self, first_task, num_tasks):
        drawn = tf.cast(self.uniform(first_task, num_tasks, (4,)), keras.config.floatx())
        names = ("gravity", "cart_mass", "pole_mass", "half_length")
        task = {}
        for index, name in enumerate(names):
            low, high = getattr(self, name)
            task[name] = low + (high - low) * drawn[:, index]
        return task

    def reset(self, task, noise):
        state = _START * (2 * noise - 1)
        return state, state

    def step(self, task, state, action, noise):
        position, velocity, angle, angular_velocity = tf.unstack(state, axis=-1)
        force = _FORCE * (2 * tf.cast(action, state.dtype) - 1)
        mass = task["cart_mass"] + task["pole_mass"]
        pole_mass, length = task["pole_mass"], task["half_length"]
        sine, cosine = tf.sin(angle), tf.cos(angle)
        push = (force + pole_mass * length * angular_velocity**2 * sine) / mass
        angular_acceleration = (task["gravity"] * sine - push * cosine) / (
            length * (4 / 3 - pole_mass * cosine**2 / mass)
        )
        acceleration = push - pole_mass * length * angular_acceleration * cosine / mass
        rates = [velocity, acceleration, angular_velocity, angular_acceleration]
        state = state + _SECONDS_PER_STEP * tf.stack(rates, axis=-1)
        fallen = (tf.abs(state[..., 0]) > _POSITION_LIMIT) | (tf.abs(state[..., 2]) > _ANGLE_LIMIT)
        return state, state, tf.ones_like(position), fallen, False


def _positive_range(name, value):
    low, high = check_range(name, value)
    if low <= 0:
        raise ValueError(f"`{name}` must be a range of positive numbers. Received: {name}={value}.")
    return low, high
