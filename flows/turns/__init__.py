"""The workers: claim what is due, take it through a turn, send it, take the results in."""
