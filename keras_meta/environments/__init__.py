"""Environments: tasks to act in, and the trajectories of acting in them."""

from keras_meta.environments.bandit import BernoulliBandit as BernoulliBandit
from keras_meta.environments.cart_pole import CartPole as CartPole
from keras_meta.environments.environment import Environment as Environment
from keras_meta.environments.gymnasium_environment import (
    GymnasiumEnvironment as GymnasiumEnvironment,
)
from keras_meta.environments.half_cheetah import half_cheetah_direction as half_cheetah_direction
from keras_meta.environments.half_cheetah import half_cheetah_velocity as half_cheetah_velocity
from keras_meta.environments.navigation import Navigation as Navigation
from keras_meta.environments.rollout import rollout as rollout
from keras_meta.environments.spaces import Continuous as Continuous
from keras_meta.environments.spaces import Discrete as Discrete
from keras_meta.environments.tabular import TabularMDP as TabularMDP
from keras_meta.environments.task_parameters import Choice as Choice
from keras_meta.environments.task_parameters import Uniform as Uniform
from keras_meta.environments.trajectories import Trajectories as Trajectories
