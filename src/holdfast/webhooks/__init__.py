"""Events leave the house: one feed in one order, and signed webhooks with retries, dead letters and replay."""
