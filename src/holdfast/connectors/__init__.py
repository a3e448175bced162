"""Channels: other systems that sell or count our stock. First form: a generic webhook that is told changed levels."""
