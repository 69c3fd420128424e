"""Who asks a language model for a bot."""
