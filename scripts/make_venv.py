"""Make the virtual environment, or say in a sentence why not. Old Pythons can run this, so that they can say so."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "mmatl_lab needs Python 3.11 or newer, and %s is %d.%d: name a newer one, as in make PYTHON=python3.12 lab"
        % (sys.executable, sys.version_info[0], sys.version_info[1])
    )
try:
    import ensurepip  # noqa: F401
    import venv
except ImportError:
    sys.exit(
        "%s cannot make virtual environments: install its venv package, "
        "on Debian and Ubuntu with `sudo apt install python3-venv`" % sys.executable
    )
venv.main(["--clear", sys.argv[1]])
