"""The lunar calendar against the sky: new moons and the sun's place reckoned here, by Meeus' series, at UTC+7."""

import math
from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from library.lunar import from_lunar, tet, to_lunar

J2000, SYNODIC = 2451545.0, 29.530588861
DELTA_T_DAYS = 65 / 86400  # TT - UT, about right from 1960 to 2060
TOO_NEAR_MIDNIGHT = 15 / 1440  # days; the short series is good to a few minutes


def new_moon(k: int) -> float:
    """Return the Julian day, at UTC+7, of the k-th new moon since January 2000 (Meeus, chapter 49)."""
    t = k / 1236.85
    e = 1 - 0.002516 * t
    sun = math.radians(2.5534 + 29.1053567 * k)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    latitude = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    node = math.radians(124.7746 - 1.56375588 * k)
    terms = (
        (-0.40720, moon), (0.17241 * e, sun), (0.01608, 2 * moon), (0.01039, 2 * latitude), (0.00739 * e, moon - sun),
        (-0.00514 * e, moon + sun), (0.00208 * e * e, 2 * sun), (-0.00111, moon - 2 * latitude),
        (-0.00057, moon + 2 * latitude), (0.00056 * e, 2 * moon + sun), (-0.00042, 3 * moon),
        (0.00042 * e, sun + 2 * latitude), (0.00038 * e, sun - 2 * latitude), (-0.00024 * e, 2 * moon - sun),
        (-0.00017, node),
    )  # fmt: skip
    mean = 2451550.09766 + SYNODIC * k + 0.00015437 * t * t
    return mean + sum(size * math.sin(angle) for size, angle in terms) - DELTA_T_DAYS + 7 / 24


def sun_longitude(julian: float) -> float:
    """Return the sun's apparent longitude in degrees (Meeus, chapter 25, low accuracy)."""
    t = (julian - 7 / 24 - J2000) / 36525
    anomaly = math.radians(357.52911 + 35999.05029 * t)
    centre = (1.914602 - 0.004817 * t) * math.sin(anomaly) + 0.019993 * math.sin(2 * anomaly)
    node = math.radians(125.04 - 1934.136 * t)
    return (280.46646 + 36000.76983 * t + centre - 0.00569 - 0.00478 * math.sin(node)) % 360


def midnight(day: date) -> float:
    """Return the Julian day of the first moment of the day."""
    return day.toordinal() + 1721424.5


def day_of(julian: float) -> date:
    return date.fromordinal(math.floor(julian + 0.5) - 1721425)


def is_doubtful(julian: float) -> bool:
    part = (julian + 0.5) % 1
    return min(part, 1 - part) < TOO_NEAR_MIDNIGHT


def last_new_moon(day: date) -> int:
    """Return which new moon fell on the day or last before it."""
    k = round((midnight(day) - 2451550.1) / SYNODIC) + 1
    while day_of(new_moon(k)) > day:
        k -= 1
    return k


DAYS = st.dates(date(1960, 1, 1), date(2060, 12, 31))


@given(DAYS)
def test_a_month_begins_on_the_day_of_the_new_moon(day: date) -> None:
    k = last_new_moon(day)
    assume(not is_doubtful(new_moon(k)) and not is_doubtful(new_moon(k + 1)))
    assert to_lunar(day).day == (day - day_of(new_moon(k))).days + 1


@given(st.integers(1960, 2060))
def test_the_eleventh_month_holds_the_winter_solstice(year: int) -> None:
    solstice = next(
        day for n in range(10) if sun_longitude(midnight(day := date(year, 12, 18) + timedelta(n + 1))) >= 270
    ) - timedelta(1)
    assume(
        abs(sun_longitude(midnight(solstice)) - 270) > 0.02 and abs(sun_longitude(midnight(solstice) + 1) - 270) > 0.02
    )
    assert to_lunar(solstice).month == 11


@given(st.integers(1960, 2060))
def test_tet_is_the_second_new_moon_after_the_solstice_or_the_third_in_a_leap_winter(year: int) -> None:
    k = last_new_moon(date(year - 1, 12, 22))
    candidates = [day_of(new_moon(k + n)) for n in (1, 2, 3)]
    assume(not any(is_doubtful(new_moon(k + n)) for n in (0, 1, 2, 3)))
    assert tet(year) in candidates
    assert date(year, 1, 20) <= tet(year) <= date(year, 2, 21)


@given(DAYS)
def test_there_and_back_is_the_same_day(day: date) -> None:
    lunar = to_lunar(day)
    assume(not lunar.leap)
    assert from_lunar(lunar.day, lunar.month, lunar.year) == day
