"""One brief from order to clips: the life of a job, the worker, the live board."""
