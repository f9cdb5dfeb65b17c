"""Tables of either side read without their log: rows by key, by key range and whole, as canonical text."""
