"""The five providers' APIs, played locally, with faults. Knows nothing of the studio but the providers' constants."""
