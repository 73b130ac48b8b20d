"""The configuration bundle: everything that staff set in the console, as one YAML file.

docs/bundle.md is the page for those who write one.
"""
