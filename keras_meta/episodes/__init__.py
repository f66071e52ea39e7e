"""Task distributions: samplers that turn data into `tf.data` datasets of episodes."""

from keras_meta.episodes import augmentation as augmentation
from keras_meta.episodes import datasets as datasets
from keras_meta.episodes.character_languages import CharacterLanguages as CharacterLanguages
from keras_meta.episodes.characters import Characters as Characters
from keras_meta.episodes.class_index import EpisodeDescription as EpisodeDescription
from keras_meta.episodes.class_splits import ClassSplits as ClassSplits
from keras_meta.episodes.class_splits import split_classes as split_classes
from keras_meta.episodes.directory import from_directory as from_directory
from keras_meta.episodes.directory import image_files as image_files
from keras_meta.episodes.directory import load_images as load_images
from keras_meta.episodes.episode_sampler import EpisodeSampler as EpisodeSampler
from keras_meta.episodes.grouped_episodes import GroupedEpisodes as GroupedEpisodes
from keras_meta.episodes.grouped_table import GroupedTable as GroupedTable
from keras_meta.episodes.groups import from_groups as from_groups
from keras_meta.episodes.image_reading import read_images as read_images
from keras_meta.episodes.mixture import Mixture as Mixture
from keras_meta.episodes.rotations import with_rotations as with_rotations
from keras_meta.episodes.sinusoid import Sinusoid as Sinusoid
from keras_meta.episodes.stroke_glyphs import StrokeGlyphs as StrokeGlyphs
from keras_meta.episodes.stroke_glyphs import stroke_glyphs as stroke_glyphs
from keras_meta.episodes.synthetic_languages import SyntheticLanguages as SyntheticLanguages
from keras_meta.episodes.task_distribution import TaskDistribution as TaskDistribution
from keras_meta.episodes.task_pairs import from_task_pairs as from_task_pairs
from keras_meta.episodes.tfds_arrays import from_tfds as from_tfds
from keras_meta.episodes.varied_episode_sampler import EpisodeShape as EpisodeShape
from keras_meta.episodes.varied_episode_sampler import VariedEpisodeSampler as VariedEpisodeSampler
