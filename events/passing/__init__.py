"""Feedback passed on: what buyers say, told to the sources that want to know."""
