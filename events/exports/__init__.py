"""The record taken out as files: asked for, made behind the scenes bit by bit, kept for a while.

`steering` begins and ends an export, `working` makes its file (`gathering` its rows, `finishing`
the whole of it), `keeping` holds the file's pieces.
What can be exported is a subject, how it is written a format: each is a file with a registry.
"""
