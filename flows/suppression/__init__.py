"""Suppression lists: who is on one, and how values get on it.

`values` turns values into digests, `entries` adds, removes and looks up, `lines` reads files line
by line, `uploads` works them in behind the scenes.
"""
