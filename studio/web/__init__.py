"""What every view needs and no app owns. Knows no app."""
