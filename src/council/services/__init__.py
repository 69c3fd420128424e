"""One module per process of the architecture table: what `council run NAME` becomes. Thin: wiring, readiness, clean stop."""
