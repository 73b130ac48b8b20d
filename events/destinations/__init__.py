"""Where files go: exports, heads of the seals, and what else is asked for regularly."""
