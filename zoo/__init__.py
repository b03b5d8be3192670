"""Models of an e-commerce ranking cascade: schema, request logs, layers, models, training and export."""

__version__ = "0.2.0.dev0"
