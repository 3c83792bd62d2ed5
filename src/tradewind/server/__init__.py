"""Wires the parts into processes: the only place that knows them all."""
