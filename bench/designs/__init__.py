"""The designs that are compared: one module each, all over the tables of schema.sql, all durable."""
