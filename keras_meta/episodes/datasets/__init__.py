"""Published data sets of images: their class lists, and loading from files that the user has."""

from keras_meta.episodes.datasets.cifar import cifar_fs as cifar_fs
from keras_meta.episodes.datasets.cifar import fc100 as fc100
from keras_meta.episodes.datasets.cifar_classes import CIFAR_100 as CIFAR_100
from keras_meta.episodes.datasets.cifar_classes import CIFAR_100_CLASSES as CIFAR_100_CLASSES
from keras_meta.episodes.datasets.cifar_classes import CIFAR_FS as CIFAR_FS
from keras_meta.episodes.datasets.cifar_classes import FC100 as FC100
from keras_meta.episodes.datasets.imagenet import mini_imagenet as mini_imagenet
from keras_meta.episodes.datasets.imagenet import tiered_imagenet as tiered_imagenet
from keras_meta.episodes.datasets.mini_imagenet_classes import MINI_IMAGENET as MINI_IMAGENET
from keras_meta.episodes.datasets.omniglot import omniglot as omniglot
from keras_meta.episodes.datasets.omniglot_classes import OMNIGLOT as OMNIGLOT
from keras_meta.episodes.datasets.tiered_imagenet_classes import TIERED_IMAGENET as TIERED_IMAGENET
from keras_meta.episodes.datasets.tiered_imagenet_classes import (
    TIERED_IMAGENET_SUPERCLASSES as TIERED_IMAGENET_SUPERCLASSES,
)
