"""How to ask each provider and how to read its answer. Knows no Django and no database; README.md here says how to add one."""
