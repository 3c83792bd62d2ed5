"""Who may speak to a server: tokens, and the names a local server answers to."""
