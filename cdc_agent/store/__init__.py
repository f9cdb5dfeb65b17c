"""The store: every table that the agent keeps on a target, their versions, and the statements that touch them."""
