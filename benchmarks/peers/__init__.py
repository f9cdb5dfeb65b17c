"""What the agent is measured beside. Each peer is prepared before the backlog is written and run after it."""
