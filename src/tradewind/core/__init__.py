"""Decides: values in, decisions out. No IO, no clock, no randomness, no logging."""
