"""SKUs: the things that are counted. Created, changed, archived; never deleted."""
