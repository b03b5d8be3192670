"""Fine rankers: every candidate is scored online, with all that is known of user and candidate."""
