"""What the tests share: real servers, an independent oracle, waiting with a deadline, a proxy that breaks connections."""
