"""Store on Valkey or Redis."""
