"""One folder per port, one module per kind: the only place that imports clients of other systems."""
