"""Leads from a CSV file: read, mapped to a flow's fields, tried, and taken in behind the scenes.

The file is kept in pieces, encrypted, in the database, so any machine may work on it. Every row
goes through the very intake that posted leads go through.
"""
