"""The demo shop: two years of a real shop's orders, three warehouses, customers who keep buying."""

DEMO_EMAIL = "demo@holdfast.example"
