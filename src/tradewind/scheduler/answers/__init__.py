"""Answers to what user code asks of its host while a task runs or a file is parsed."""
