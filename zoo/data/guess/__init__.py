"""A first import configuration for a file, by what its columns look like."""

from zoo.data.guess.guess import GuessError, guess_config

__all__ = ["GuessError", "guess_config"]
