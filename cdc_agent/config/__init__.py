"""The configuration: `model` holds the typed values, `load` reads the file and reports every problem with its line."""
