"""Taking over SKUs, stock and sales from files: read, check, show what would change, apply whole or not at all."""
