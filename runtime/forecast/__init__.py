"""What a build would make, told from ids, ranks and measured values that are already known."""
