"""Koha's reasons for a no, as ours. A reason that is not listed is UNKNOWN; the list grows with what is seen."""

from __future__ import annotations

from library.model import Refusal

RENEWAL: dict[str, Refusal] = {
    "on_reserve": Refusal.ON_HOLD,
    "recalled": Refusal.ON_HOLD,
    "too_many": Refusal.TOO_MANY_RENEWALS,
    "too_unseen": Refusal.AT_DESK,
    "too_soon": Refusal.TOO_SOON,
    "auto_too_soon": Refusal.TOO_SOON,
    "overdue": Refusal.OVERDUE,
    "auto_too_late": Refusal.OVERDUE,
    "restriction": Refusal.CARD_RESTRICTED,
    "debarred": Refusal.CARD_RESTRICTED,
    "cardlost": Refusal.CARD_RESTRICTED,
    "gonenoaddress": Refusal.CARD_RESTRICTED,
    "debt": Refusal.IN_DEBT,
    "auto_too_much_oweing": Refusal.IN_DEBT,
    "auto_account_expired": Refusal.CARD_EXPIRED,
    "expired": Refusal.CARD_EXPIRED,
    "onsite_checkout": Refusal.AT_DESK,
    "item_denied_renewal": Refusal.AT_DESK,
    "item_issued_to_other_patron": Refusal.NOT_YOURS,
    "auto_renew": Refusal.TOO_SOON,  # Koha renews it by itself when the time comes
    "no_item": Refusal.NOT_FOUND,
    "no_checkout": Refusal.NOT_FOUND,
    "RecordNotFound": Refusal.NOT_FOUND,
}

HOLD: dict[str, Refusal] = {
    "tooManyReserves": Refusal.TOO_MANY_HOLDS,
    "tooManyReservesToday": Refusal.TOO_MANY_HOLDS,
    "hold_limit": Refusal.TOO_MANY_HOLDS,
    "tooManyHoldsForThisRecord": Refusal.ALREADY_ON_HOLD,
    "itemAlreadyOnHold": Refusal.ALREADY_ON_HOLD,
    "alreadypossession": Refusal.ALREADY_ON_LOAN,
    "alreadyPossession": Refusal.ALREADY_ON_LOAN,
    "notReservable": Refusal.NOT_HOLDABLE,
    "notforloan": Refusal.NOT_HOLDABLE,
    "notForLoan": Refusal.NOT_HOLDABLE,
    "damaged": Refusal.NOT_HOLDABLE,
    "ageRestricted": Refusal.NOT_HOLDABLE,
    "age_restricted": Refusal.NOT_HOLDABLE,
    "noReservesAllowed": Refusal.NOT_HOLDABLE,
    "none_available": Refusal.NOT_HOLDABLE,
    "noItems": Refusal.NOT_HOLDABLE,
    "onShelf": Refusal.AVAILABLE_NOW,
    "itemavailable": Refusal.AVAILABLE_NOW,
    "debt_limit": Refusal.IN_DEBT,
    "expired": Refusal.CARD_EXPIRED,
    "debarred": Refusal.CARD_RESTRICTED,
    "restricted": Refusal.CARD_RESTRICTED,
    "recordHoldsDisabled": Refusal.NOT_HOLDABLE,
    "RecordNotFound": Refusal.NOT_FOUND,
    "biblio_not_found": Refusal.NOT_FOUND,
}


def of_renewal(reason: str) -> Refusal:
    return RENEWAL.get(reason, Refusal.UNKNOWN)


def of_hold(reason: str) -> Refusal:
    return HOLD.get(reason, Refusal.UNKNOWN)
