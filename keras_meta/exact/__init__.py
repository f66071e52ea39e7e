"""What Keras and TensorFlow get wrong or slow, mended."""

from keras_meta.exact.second_order import second_order_problems as second_order_problems
from keras_meta.exact.twice_differentiable import second_derivatives as second_derivatives
