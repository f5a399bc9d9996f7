"""Credits: the ledger and the pages that explain it. Knows nothing of jobs."""
