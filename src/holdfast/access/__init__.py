"""Who may do what: API keys, users, sessions, scopes, idempotency at the edge, the audit trail."""
