"""What Migratory runs in a Python process of its own to load and run Python migrations. No public API."""
