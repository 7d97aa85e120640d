"""A Koha that keeps to its own wire: REST with its four shapes of error, ILS-DI in XML, versions, permissions, faults.

Built from what was seen on a live Koha and read in its source. It is as strict as that one (a parameter that a version
does not know is 400) and as lax (the key acts for anybody; a restricted or expired card is renewed).
"""

from tests.simulators.koha.serving import Fault, serving
from tests.simulators.koha.state import Koha

__all__ = ["Fault", "Koha", "serving"]
