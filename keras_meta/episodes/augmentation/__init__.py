"""Random changes of images that leave their class as it is, for training tasks."""

from keras_meta.episodes.augmentation.augmentation import Augmentation as Augmentation
from keras_meta.episodes.augmentation.color_jitter import ColorJitter as ColorJitter
from keras_meta.episodes.augmentation.random_crop import RandomCrop as RandomCrop
from keras_meta.episodes.augmentation.random_erasing import RandomErasing as RandomErasing
from keras_meta.episodes.augmentation.random_flip import RandomFlip as RandomFlip
