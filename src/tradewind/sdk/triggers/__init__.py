"""Triggers: code that waits for something on an event loop it shares with thousands of others."""
