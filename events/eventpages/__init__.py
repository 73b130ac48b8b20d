"""The pages of events: the search, what is like a failure, searches that people keep."""
