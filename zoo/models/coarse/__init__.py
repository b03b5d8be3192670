"""Coarse rankers: thousands of candidates, of which the items' side is computed ahead of time."""
