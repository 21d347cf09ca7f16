"""Recordings of speech, sound and music for tacit."""
