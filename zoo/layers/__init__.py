"""Layers of ranking models, one idea a file."""
