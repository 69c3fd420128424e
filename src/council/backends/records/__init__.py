"""Records on SQLAlchemy Core: SQLite and PostgreSQL."""
