"""What a flow's steps do with a lead: filters, enhancements, auctions, the order of recipients."""
