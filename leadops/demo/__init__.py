"""The demo: a configuration, a month of past traffic, and a stream of leads that does not end."""
