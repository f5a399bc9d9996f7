"""Decodes pictures and films that others made, in child processes with limits. The only package beside the sandbox that imports Pillow, PyAV or numpy.

    picture_headers, film_headers   what a file claims, read from its bytes before any decoder sees them
    client ──> host ──> a child for each file, which runs one of tasks
               │        pictures, colours, films, frames, titles: what the child does; they know no limits
               └ started once for each of our processes, with an empty environment

Knows no models, no requests and no storage.
"""
