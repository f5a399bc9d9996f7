"""The team's prompt library: prompts with variables, their versions and labels, and how they come in and go out. It knows nothing of jobs."""
