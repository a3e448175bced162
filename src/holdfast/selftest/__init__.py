"""``holdfast selftest``: attack the installed system on SKUs of its own, and say what held (N-10).

Buyers, extenders, releasers, sweepers and repeats go through the real HTTP API. A referee keeps its own record of what
was answered and compares it with the rows at the end. Nothing else in the installation takes notice
(docs/decisions/0096).
"""
