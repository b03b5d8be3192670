"""Pipeline components that TFX does not have."""
