"""Sealing: the record is made provable, seal by seal, and checked. docs/sealing.md tells how."""
