"""Back ends that put the marked requests of a trial to a gateway."""
