"""Who opens pull requests for bots."""
