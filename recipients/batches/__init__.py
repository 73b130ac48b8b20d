"""Several leads as one request or file, and the answer of each. How it works: docs/batches.md."""

from recipients.batches.delivering import Batch, Member, deliver_batch

__all__ = ["Batch", "Member", "deliver_batch"]
