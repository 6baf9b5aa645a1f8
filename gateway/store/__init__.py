"""State in a relational database: SQLite by default, PostgreSQL by one setting."""
