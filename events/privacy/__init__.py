"""People's data: what is held about somebody and where, a copy of it, its erasure; and which
fields went to whom, under which consent."""
