"""How leads come in: checked, priced and stored; and what sources are offered before."""
