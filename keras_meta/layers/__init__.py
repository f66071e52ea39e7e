"""Layers for meta-learning: contexts, parts of text networks, heads that score queries."""

from keras_meta.layers.causal_patches import CausalPatches as CausalPatches
from keras_meta.layers.context import Context as Context
from keras_meta.layers.context import ContextFiLM as ContextFiLM
from keras_meta.layers.cosine_attention import CosineAttention as CosineAttention
from keras_meta.layers.cosine_scores import CosineScores as CosineScores
from keras_meta.layers.drop_block import DropBlock as DropBlock
from keras_meta.layers.feature_centering import FeatureCentering as FeatureCentering
from keras_meta.layers.laplacian_scores import LaplacianScores as LaplacianScores
from keras_meta.layers.log_deviation import LogDeviation as LogDeviation
from keras_meta.layers.masked_mean import MaskedMean as MaskedMean
from keras_meta.layers.positions import Positions as Positions
from keras_meta.layers.relation_scores import RelationScores as RelationScores
from keras_meta.layers.soft_k_means_scores import SoftKMeansScores as SoftKMeansScores
from keras_meta.layers.task_head import TaskHead as TaskHead
from keras_meta.layers.token_counts import TokenCounts as TokenCounts
from keras_meta.layers.tokens import Tokens as Tokens
