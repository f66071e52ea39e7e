"""Meta-learning in TensorFlow and Keras: models whose forward pass learns."""

from keras_meta import baselines as baselines
from keras_meta import callbacks as callbacks
from keras_meta import config as config
from keras_meta import episodes as episodes
from keras_meta import generators as generators
from keras_meta import inner_optimizers as inner_optimizers
from keras_meta import layers as layers
from keras_meta import learners as learners
from keras_meta import losses as losses
from keras_meta import metrics as metrics
from keras_meta import networks as networks

__version__ = "0.1.0"
