"""Days of the Vietnamese lunar calendar, reckoned at UTC+7.

China reckons at UTC+8, and the two part now and then: Tết 2030 is 2 February in Vietnam, a day before China's.
"""

from datetime import date, timedelta

from lunar_vn import LunarDate, convert_lunar_to_solar, solar_to_lunar

__all__ = ["LunarDate", "from_lunar", "tet", "to_lunar"]


def to_lunar(day: date) -> LunarDate:
    """Return the lunar day, month, year and whether the month is a leap one. Years 1900 to 2100."""
    return solar_to_lunar(day)


def tet(year: int) -> date:
    """Return the first day of the lunar year that begins in the solar `year`."""
    return convert_lunar_to_solar(1, 1, year)


def from_lunar(day: int, month: int, year: int) -> date:
    """Return the solar date of a day of the (not leap) lunar month; day 30 of a 29-day month is its last day.

    Raises ValueError for a day or month no calendar has, or outside 1900 to 2100.
    """
    found = convert_lunar_to_solar(day, month, year)
    # The package counts on from the first, so the 30th of a short month would be the 1st of the next.
    return found if to_lunar(found).day == day else found - timedelta(days=1)
