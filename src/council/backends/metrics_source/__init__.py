"""Where the numbers of gates come from."""
