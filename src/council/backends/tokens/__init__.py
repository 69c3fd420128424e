"""What knows the tokens of users."""
