"""Looking at clips and carrying their bytes."""
