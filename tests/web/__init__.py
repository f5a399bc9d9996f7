"""Tests of what every view needs and no app owns."""
