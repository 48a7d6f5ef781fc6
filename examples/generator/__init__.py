"""Writes the committed example sources. Firms, persons and findings are invented; see examples/README.md."""
