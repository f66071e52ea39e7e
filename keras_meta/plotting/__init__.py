"""Figures of tasks and results. They need matplotlib: `pip install "keras-meta[plots]"`."""

from keras_meta.plotting.adaptation import adaptation as adaptation
from keras_meta.plotting.episode import episode as episode
from keras_meta.plotting.figure import figure as figure
from keras_meta.plotting.learning_curve import learning_curve as learning_curve
from keras_meta.plotting.paths import plot_paths as plot_paths
from keras_meta.plotting.waves import waves as waves
