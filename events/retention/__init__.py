"""How long the record is kept, and how what is older goes."""
