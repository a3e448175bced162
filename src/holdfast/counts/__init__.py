"""Counting what lies on the shelves while the shop keeps selling."""
