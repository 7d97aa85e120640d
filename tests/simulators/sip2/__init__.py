"""SIP2 servers to talk to over TCP: pysip2's own over a small circulation, behind a line that can fail in every way."""

from tests.simulators.sip2.line import Line, LineFault, line_to
from tests.simulators.sip2.server import serving_sip2

__all__ = ["Line", "LineFault", "line_to", "serving_sip2"]
