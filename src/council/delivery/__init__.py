"""From a proposal on the forge to a generation that serves, and back onto the forge. Record 0028."""
