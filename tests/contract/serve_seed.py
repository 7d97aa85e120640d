"""Serve the documented seed of the live suite from the simulators: `python -m tests.contract.serve_seed`.

Prints the address of a Koha and the port of a SIP2 server on one line, and serves until it is stopped.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from connectors.clock import wall_clock
from tests.contract.scenes import koha_with_lan_and_an
from tests.simulators.koha import Koha, serving
from tests.simulators.sip2 import serving_sip2

PIN = "1234"
LATE_DAYS = 400


def seeded() -> Koha:
    """Return a Koha with everything that docs/live-suite.md asks for, dated from today."""
    system = koha_with_lan_and_an(wall_clock, (23, 5))
    system.max_renewals = 99
    end = wall_clock().replace(hour=23, minute=59, second=0, microsecond=0)
    for checkout, days in ((1, 3), (2, 9), (3, 5)):
        system.checkouts[checkout]["due_date"] = (end + timedelta(days=days)).isoformat()
    yesterday = (wall_clock() - timedelta(days=1)).date().isoformat()
    more = ({"expiry_date": yesterday}, {"restricted": True}, {}, {})
    for number, change in enumerate(more, 53):
        system.add_patron(number, f"TV00000{number - 50}", PIN, "Lê", f"Bạn {number}", **change)
        biblio = system.add_biblio(number, f"Sách số {number}")
        item = system.add_item(number, biblio, f"VN00{number}", "MT")
        system.lend(number, item, end + timedelta(days=-LATE_DAYS if number == 56 else 4))
    system.fine(55, 90_000)
    for row in system.patrons.values():
        row["_pin"] = PIN
    return system


async def main() -> None:
    system = seeded()
    async with serving(system) as koha, serving_sip2(system) as port:
        print(koha.url, port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
