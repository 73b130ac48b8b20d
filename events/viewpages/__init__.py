"""The pages of revealing, and of who saw what."""
