"""Random input for the mapping language, the bodies and the readers of replies: `make fuzz`.

What staff write must compile or be refused; what a lead holds must be written or be refused; what
a buyer answers must be read. Anything else is a crash, and what takes too long is a hang.
"""
