"""Entry of gateway/llamaflow (which runs this folder) and of `python -m gateway.cli`."""

import os.path
import sys

if not __package__:  # run as a folder: a PYTHONPATH instead would reach Nextflow's tasks, too
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gateway.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
