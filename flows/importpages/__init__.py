"""The pages of imports: a file chosen, its columns mapped and tried, how far it has come."""
