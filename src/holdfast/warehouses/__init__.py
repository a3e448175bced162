"""Warehouses: the places that keep stock, in a tree. Deactivated, never deleted."""
