"""Stock on its way between two of our own warehouses."""
