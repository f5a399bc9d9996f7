#!/usr/bin/env python
"""Django's command line for the studio."""

import os
import sys

from studio.command_line import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    run(sys.argv)
