"""What every benchmark needs: a PostgreSQL, server processes, a load generator, CPU meters, a table."""
