"""Batches, serial numbers and unsellable states: masters, balances, judgement, and the trace of who got what."""
