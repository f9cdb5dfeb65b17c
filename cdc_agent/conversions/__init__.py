"""How values of one type become values of another: one module for each family of target types."""
