#!/usr/bin/env python
"""Django's command line, and with it every command of the product: `python manage.py help`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "designlab.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
