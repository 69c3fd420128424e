"""Looks at how safe this Council is: pure checks over facts that somebody gathered. No I/O, and no stage of the care loop."""
