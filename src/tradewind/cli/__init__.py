"""The command line: one file per noun, loaded on use; talks to the API and prints."""
