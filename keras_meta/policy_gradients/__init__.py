"""Policy gradients: distributions of actions, advantages, estimators and outer steps."""

from keras_meta.policy_gradients.advantages import Advantages as Advantages
from keras_meta.policy_gradients.advantages import LinearBaseline as LinearBaseline
from keras_meta.policy_gradients.dice import DiCE as DiCE
from keras_meta.policy_gradients.dice import LoadedDiCE as LoadedDiCE
from keras_meta.policy_gradients.distributions import Categorical as Categorical
from keras_meta.policy_gradients.distributions import Gaussian as Gaussian
from keras_meta.policy_gradients.estimator import Estimator as Estimator
from keras_meta.policy_gradients.estimators import EMAML as EMAML
from keras_meta.policy_gradients.estimators import LogLikelihood as LogLikelihood
from keras_meta.policy_gradients.estimators import LowVarianceCurvature as LowVarianceCurvature
from keras_meta.policy_gradients.outer_rules import PPO as PPO
from keras_meta.policy_gradients.outer_rules import OuterRule as OuterRule
from keras_meta.policy_gradients.outer_rules import PolicyGradient as PolicyGradient
from keras_meta.policy_gradients.trust_region import TRPO as TRPO
