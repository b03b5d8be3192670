"""Versions and labels of a running fleet: a file says what should be, and servers are brought to it without a failed call."""
