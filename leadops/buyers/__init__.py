"""Simulated buyers: a real HTTP server whose behaviour is chosen by path.

The demo, the documentation, the benchmarks and the tests deliver to it.
"""

from leadops.buyers.server import Buyers, running_buyers

__all__ = ["Buyers", "running_buyers"]
