"""What a recipient is sent and how its replies are read, in words for the buyer.

Made from the configuration as it stands. Nothing in it is secret, none of it a person's, and it
says nothing of what is the business's own: prices, conditions, whom else a lead would go to.
"""

from recipients.specification.whole import Specification, specification_of

__all__ = ["Specification", "specification_of"]
