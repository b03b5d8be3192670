"""What a container of a compiled pipeline runs: one stage, as Kubeflow's launcher or Vertex AI calls it."""

import os

# Stages of TFX load TensorFlow's Keras before any module of ours says which one it is.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
