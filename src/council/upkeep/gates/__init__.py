"""The twelve gates: what is read, how it is judged, and the same in PromQL. Pure: no clock, no file, no socket."""
