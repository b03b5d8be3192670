"""What the proof looks at, one thing a file; each returns what it saw, for the table of the docs."""
