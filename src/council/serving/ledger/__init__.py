"""What each request cost, committed before its last byte leaves."""
