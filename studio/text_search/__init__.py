"""How text is searched: one folding and one kind of index for every search of the studio, with the same answers on SQLite and PostgreSQL."""
