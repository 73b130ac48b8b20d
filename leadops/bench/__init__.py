"""The built-in load generator: `manage.py bench NAME`.

Every bench starts what it needs on loopback, with a database of its own, and measures the bare
limit in the same run: figures are ratios, because machines differ and are noisy.
"""
