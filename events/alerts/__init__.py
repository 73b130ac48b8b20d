"""Figures that must keep their bounds: judged every minute, raised once, told, resolved."""
