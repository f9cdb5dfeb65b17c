"""The demonstration: two real servers, two live applications, one agent between them, and the proof at the end."""
