"""Side by side with other projects: each in an environment and a process of its own, taking turns."""
