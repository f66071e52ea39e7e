"""What a user compiles and fits."""

from keras_meta.learners.adapted_model import AdaptedModel as AdaptedModel
from keras_meta.learners.anil import ANIL as ANIL
from keras_meta.learners.boil import BOIL as BOIL
from keras_meta.learners.cavia import CAVIA as CAVIA
from keras_meta.learners.embedding_learner import EmbeddingLearner as EmbeddingLearner
from keras_meta.learners.gradient_learner import GradientLearner as GradientLearner
from keras_meta.learners.implicit_maml import ImplicitMAML as ImplicitMAML
from keras_meta.learners.learner_generator import LearnerGenerator as LearnerGenerator
from keras_meta.learners.maml import MAML as MAML
from keras_meta.learners.maml_plus_plus import MAMLPlusPlus as MAMLPlusPlus
from keras_meta.learners.meta_curvature import MetaCurvature as MetaCurvature
from keras_meta.learners.meta_learner import MetaLearner as MetaLearner
from keras_meta.learners.meta_sgd import MetaSGD as MetaSGD
from keras_meta.learners.proto_maml import ProtoMAML as ProtoMAML
from keras_meta.learners.prototypical_network import PrototypicalNetwork as PrototypicalNetwork
from keras_meta.learners.reptile import Reptile as Reptile
