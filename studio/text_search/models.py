"""No table: Django sends its signals about migrations only to apps with this module."""
