"""The observer: keeps what was so, explains it from what is stored, and says it to people. It repairs nothing."""
