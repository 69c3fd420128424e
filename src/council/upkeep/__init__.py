"""The care loop: what watches, repairs and changes the running system."""
