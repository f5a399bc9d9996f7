"""The studio: teams make videos through several providers. README.md has the map."""
