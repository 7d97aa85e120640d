"""Why a SIP2 server said no: only its sentence to people tells, in whatever language it was set up."""

from __future__ import annotations

import re

from library.model import Refusal
from library.text import fold

# The first that is found in the folded sentence; the more telling ones stand before those that occur in many.
_WORDS: tuple[tuple[Refusal, str], ...] = (
    (
        Refusal.ALREADY_ON_HOLD,
        "already on hold|already has hold|duplicate hold|toomanyholdsforthisrecord|alreadyonhold|da dat giu",
    ),
    (
        Refusal.ON_HOLD,
        r"outstanding hold|\b(?:item|copy|title) has (?:a )?hold|on hold for|on reserve|on_reserve|reserved"
        r"|requested by|recalled|\bco (?:nguoi|ban doc)(?: khac)?(?: dang| da)? (?:cho|dat)|nguoi khac cho|da duoc dat",
    ),
    (Refusal.NOT_YOURS, "issued to other|checked out to another|other patron has"),
    (Refusal.ALREADY_ON_LOAN, "already checked out to|already on loan|alreadypossession|dang muon"),
    (
        Refusal.TOO_MANY_HOLDS,
        "too many hold|toomanyreserves|hold limit|maximum hold|maximum number of hold|qua so luot dat",
    ),
    (
        Refusal.TOO_MANY_RENEWALS,
        "too many renew|renewal limit|maximum renew|renewed the maximum|maximum number of renew|too_many"
        "|max_renewals|no more renewals|het luot gia han|so lan gia han",
    ),
    (
        Refusal.CARD_EXPIRED,
        r"(?:patron|account|card)(?: has)? expired|account_expired|het han the"
        r"|\bthe(?: thu vien| ban doc)?(?: cua ban)?(?: da)? het han",
    ),
    (
        Refusal.TOO_SOON,
        "too soon|too early|too_soon|cannot yet|automatic renewal|auto_renew|con som|chua den han|chua toi han",
    ),
    (
        Refusal.AT_DESK,
        "onsite|on-site|not allowed renewal|denied_renewal|too_unseen|fee required|fee acknowledge|tai quay",
    ),
    (Refusal.IN_DEBT, r"\bfines?\b|\bfees?\b|\bowes\b|oweing|charges|\bdebt|no phi|\b(?:con|dang) no\b|tien phat"),
    (Refusal.OVERDUE, "overdue|too_late|qua han"),
    (Refusal.CARD_EXPIRED, "expired"),
    (Refusal.CARD_RESTRICTED, "blocked|restrict|debarred|suspended|renewals? not allowed|bi khoa|tam khoa"),
    (
        Refusal.NOT_HOLDABLE,
        "not for loan|reference(?! desk)|cannot be held|not holdable|notreservable|noreservesallowed|khong cho muon"
        "|doc tai cho",
    ),
    (Refusal.NOT_FOUND, "not checked out|no_checkout|not found|no such item|unknown item|invalid item|khong tim thay"),
    (Refusal.AVAILABLE_NOW, r"(?<!no )\b(?:item|copy|title|book) is available|on shelf|onshelf|tren ke"),
)


def of(notes: str) -> Refusal:
    """Return the reason that the sentence gives, UNKNOWN when it gives none."""
    words = fold(notes)
    return next((refusal for refusal, parts in _WORDS if re.search(parts, words)), Refusal.UNKNOWN)
