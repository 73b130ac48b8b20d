"""The page of a list's entries: how many, is a value among them, files going in."""
