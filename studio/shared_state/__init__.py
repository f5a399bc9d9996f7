"""State that all web processes share through the database: counters of rate limits, and a small cache."""
