"""Goods that come back from customers: inspected, booked once, never more than was sold."""
