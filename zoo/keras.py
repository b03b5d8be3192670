"""The one place that says which Keras is used: `tf_keras`, by name, whatever was imported before.

TensorFlow Transform, TFMA and TensorFlow Recommenders stand on tf_keras, and its optimizers keep sparse gradients.
"""

import os
import sys

if os.environ.setdefault("TF_USE_LEGACY_KERAS", "1") != "1":
    raise ImportError("Cascade Zoo needs tf_keras, but TF_USE_LEGACY_KERAS is set to "
                      f"{os.environ['TF_USE_LEGACY_KERAS']!r}; unset it, or set it to 1, before starting Python")
# TensorFlow 2.16 prints CUDA registration errors at import on every machine; real errors come as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import tf_keras as keras

if "keras" in sys.modules and getattr(tf.keras, "__version__", "2").startswith("3"):
    raise ImportError("Keras 3 was loaded as `tf.keras` before Cascade Zoo. Import `zoo.keras` first, or set "
                      "TF_USE_LEGACY_KERAS=1 in the environment before starting Python")

# After the check: TensorFlow Recommenders asks TensorFlow for its Keras when it is imported.
import tensorflow_recommenders as tfrs

__all__ = ["keras", "tf", "tfrs"]
