"""What the tests share: servers, an independent oracle, waiting with a deadline, a proxy that breaks connections."""
