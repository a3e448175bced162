"""Suppliers, their terms, and purchase orders from draft to receipt. Only a receipt posts stock."""
