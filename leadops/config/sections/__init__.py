"""One module for each section of the bundle: how it is read, and how it is written."""
