"""The contract suite against invenio-sip2's server: `make test-invenio` makes its environment and calls this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.test_live import ROOT, play
from tests.product.product import free_port
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER


def main(python: Path) -> None:
    """Start the server with `python` and print what the suite says. Raises AssertionError when a promise fails."""
    port = str(free_port())
    command = [str(python), "-m", "tests.simulators.sip2.invenio", port]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        account = {"SIP2_USER": USER, "SIP2_PASSWORD": PASSWORD, "SIP2_INSTITUTION": INSTITUTION}
        try:
            print(play("[live sip2]", SIP2_HOST="127.0.0.1", SIP2_PORT=port, SIP2_NAME_ORDER="as_sent", **account))
        finally:
            server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
