"""The TFX pipeline: from a request log to a pushed model."""
