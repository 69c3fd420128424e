"""What every reader of questions meets before its own grammar: the manners around a question, and numbers in words. Pure."""
