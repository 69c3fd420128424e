"""Council: a self-hosted AI service that answers from your own machine first and looks after itself."""

__version__ = "0.1.0"
