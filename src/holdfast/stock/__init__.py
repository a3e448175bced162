"""Levels, movements, reservations: one consistency boundary.

Stock changes only through the posting functions in ``functions/``; ``lanes`` groups requests in front of them.
"""
