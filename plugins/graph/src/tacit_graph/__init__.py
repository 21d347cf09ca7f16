"""Graphs for tacit: encoders, views, sources, methods and probes."""
