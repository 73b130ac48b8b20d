"""The pages of exports: ask for one, watch it, take its file."""
