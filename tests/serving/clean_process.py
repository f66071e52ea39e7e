"""Checks SavedModels in a process that knows neither Keras nor this library.

    python -I tests/serving/clean_process.py

reads lines `["FOLDER", "EPISODES.npz"]` of JSON, and answers each with `null`, or with what went
wrong. Predictions of the endpoints that take one task agree with those of the batch, which are
written to the file of episodes.
"""

import json
import sys
import traceback

import numpy as np

for banned in ("keras", "keras_meta", "tf_keras"):
    sys.modules[banned] = None

import tensorflow as tf  # noqa: E402


def check(folder, data):
    episode = dict(np.load(data))
    ends = tf.saved_model.load(folder).signatures
    s, y, q = (tf.constant(episode[k]) for k in ("support_x", "support_y", "query_x"))
    serve = ends["serve"](support_x=s, support_y=y, query_x=q)["predictions"]
    both = ends["adapt_and_predict"](support_x=s[0], support_y=y[0], query_x=q[0])["predictions"]
    state = ends["adapt"](support_x=s[0], support_y=y[0])
    two_steps = ends["predict"](query_x=q[0], **state)["predictions"]
    few = ends["adapt_and_predict"](support_x=s[0, :2], support_y=y[0, :2], query_x=q[0, :1])
    assert few["predictions"].shape == (1, 3)
    assert y.dtype == tf.int32
    np.testing.assert_allclose(both, serve[0], atol=1e-5)
    np.testing.assert_allclose(two_steps, serve[0], atol=1e-5)
    np.savez(data, predictions=serve)


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            check(*json.loads(line))
            error = None
        except Exception:
            error = traceback.format_exc()
        print(json.dumps(error), flush=True)
