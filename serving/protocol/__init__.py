"""TF Serving's protocol for clients, without TensorFlow."""
