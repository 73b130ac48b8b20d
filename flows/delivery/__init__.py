"""One lead to one recipient: admitted, begun and settled, alone or in a batch."""
