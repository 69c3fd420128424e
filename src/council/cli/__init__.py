"""One file per noun; a command parses, calls one function, prints."""
