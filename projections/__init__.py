"""Read models: facts folded into PostgreSQL, rows and offset in one transaction."""
