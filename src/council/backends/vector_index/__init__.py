"""Vector indexes: the nearest of many vectors."""
