"""Which warehouse serves which line: decided for the whole order, by criteria in a chosen order of importance."""
