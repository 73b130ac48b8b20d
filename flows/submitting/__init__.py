"""Submit addresses as LeadConduit has them, so that a sender changes a host name and no more."""
