"""Live rooms: hosts who sell from shelves that change, and users who watch, stay and order."""
