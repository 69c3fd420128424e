"""What would change the blueprint, drafted as a patch for a person to sign. Nothing here changes anything."""
