"""The loops: read, ask ``core``, write. No SQL of its own, no user code, no clock of its own."""
