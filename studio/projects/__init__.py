"""Projects, their members, and the one door that every view of a project goes through."""
