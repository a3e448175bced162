"""Messages to people: worded in their language, queued with their cause, delivered, logged."""
