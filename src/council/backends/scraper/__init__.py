"""Kinds of the Scraper port."""
