"""What answers requests: servers, models in a process of their own."""
