"""Rules that watch levels, and alerts that live: open, acknowledged, resolved; one per cause."""
