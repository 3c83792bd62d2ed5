"""Bundles' bytes: where Dag files and what they import lie, and when they changed."""
