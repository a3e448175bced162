"""Channels call us back as webhooks do."""

from tests.webhooks.conftest import house, receiver

__all__ = ["house", "receiver"]
