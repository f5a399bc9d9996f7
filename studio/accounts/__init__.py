"""People, invitations and roles. Knows nothing of projects, money or jobs."""
