"""Benchmarks: run from a checkout, never imported by the product."""
