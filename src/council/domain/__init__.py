"""What Council is about, as frozen data: questions, answers, evidence, money, tokens, config, errors.

Pure: nothing here reads a file, a clock or a socket. Imports only `kit` and the standard library.
"""
