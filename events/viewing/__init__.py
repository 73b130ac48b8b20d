"""Who looked at whose values: masked ones revealed for a while, views recorded, and the list."""
