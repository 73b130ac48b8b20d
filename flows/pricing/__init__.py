"""What a source is paid for a lead: a fixed price, one by rules, or that of a pricing service."""
