"""Environments: tasks to act in, and the trajectories of acting in them."""

from keras_meta.environments.bandit import BernoulliBandit as BernoulliBandit
from keras_meta.environments.cart_pole import CartPole as CartPole
from keras_meta.environments.environment import Environment as Environment
from keras_meta.environments.navigation import Navigation as Navigation
from keras_meta.environments.rollout import rollout as rollout
from keras_meta.environments.spaces import Continuous as Continuous
from keras_meta.environments.spaces import Discrete as Discrete
from keras_meta.environments.tabular import TabularMDP as TabularMDP
from keras_meta.environments.trajectories import Trajectories as Trajectories
