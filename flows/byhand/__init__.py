"""What people do to leads, deliveries and recipients; all of it recorded."""
