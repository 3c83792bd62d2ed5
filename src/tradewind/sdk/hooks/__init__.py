"""Hooks of the standard kinds of connections."""
