"""What happens beside training."""

from keras_meta.callbacks.adaptation_curve_logger import (
    AdaptationCurveLogger as AdaptationCurveLogger,
)
