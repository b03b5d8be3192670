"""Benchmarks: each a command that prints or writes what the docs show."""
