"""What source, target and preflight of one engine share: connections, catalogues, types, identifiers."""
