"""The demo shop: two years of a real shop's orders, three warehouses, customers who keep buying."""

DEMO_EMAIL = "demo@holdfast.example"

# Where, in the data directory, the demo's mailbox keeps what was sent.
MAIL_FOLDER = "demo-mail"
