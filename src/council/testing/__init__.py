"""Public fakes for tests of Council and of its plug-ins: clock, scripted model, scripted upstream, fault injection."""
