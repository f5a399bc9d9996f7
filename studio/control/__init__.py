"""The operator: health, settings of the installation, commands, and the frame around every page."""
