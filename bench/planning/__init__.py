"""How good and how fast planning is, measured on real demand."""
