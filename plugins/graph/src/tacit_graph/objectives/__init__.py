"""Objectives that only graphs have."""
