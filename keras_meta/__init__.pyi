from keras_meta import baselines as baselines
from keras_meta import callbacks as callbacks
from keras_meta import config as config
from keras_meta import environments as environments
from keras_meta import episodes as episodes
from keras_meta import exact as exact
from keras_meta import generators as generators
from keras_meta import heads as heads
from keras_meta import in_context as in_context
from keras_meta import inner_loop as inner_loop
from keras_meta import inner_optimizers as inner_optimizers
from keras_meta import layers as layers
from keras_meta import learners as learners
from keras_meta import losses as losses
from keras_meta import metrics as metrics
from keras_meta import networks as networks
from keras_meta import outer_loop as outer_loop
from keras_meta import policy_gradients as policy_gradients
from keras_meta import registry as registry
from keras_meta import statistics as statistics

__version__: str
