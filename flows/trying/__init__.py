"""Trying things out before they count: drafts, trials, test calls, test cases."""
