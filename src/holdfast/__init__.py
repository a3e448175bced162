"""Holdfast keeps the stock of a shop: promised once and only once, ordered in time, told to everyone."""
