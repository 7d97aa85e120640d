"""When the library is open: the calendar asked for the places and times of the patron's words."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.asked_hours import Asked, When, asked_before, remembered, understood
from bot.actions.base import Heard, LibraryAction
from bot.actions.buttons import Button, button
from bot.actions.curated import tell_if_sure
from bot.actions.fields import DATE, OTHER_DAY, form
from bot.actions.hours_words import day_text, tet_name
from bot.actions.told_hours import Saying, Telling
from library.calendar import LibraryCalendar
from library.phrasing import Words, capitalised, listing
from library.text import fold

MAX_BUTTONS = 3
_ASKS_ON = re.compile(r"^\W*(?:con|the|vay|o)\b.*\b(?:sao|thi the nao|thi)\W*$|^\W*(?:what|how) about\b|^\W*and\b")
# Of other times than those of opening: "giờ kể chuyện cho bé mấy giờ".
_OF_OPENING = re.compile(
    r"\b(?:mo|dong|nghi|lam|hoat dong|phuc vu|tiep|gio giac|lich|con|ghe|den|toi|thu vien|open\w*|clos\w*|hours|shut)\b"
)
# Asked of no day, these are told better by the librarians' own answer than by today's hours.
_NOT_OF_A_DAY = re.compile(r"\b(mua (he|dong)|he nay|summer|winter|nghi le|dip le|holidays?)\b")


class TellHours(LibraryAction):
    """Says when it is open, naming the day and the place it understood."""

    action_name = "action_tell_hours"
    informs = True
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        calendar = self.services.calendar()
        asked = understood(heard, calendar)
        doubtful = next((when for when in asked.whens if when.others), None)
        if doubtful:
            _ask_which_day(dispatcher, heard, doubtful, asked)
        elif asked.missing_room:
            _say_room_is_elsewhere(dispatcher, heard, asked, asked.missing_room, calendar)
        elif not (_of_no_day(asked, heard) and await tell_if_sure(self.services, dispatcher, heard)):
            saying = Telling(calendar, heard.turn.now, heard.lang).tell(asked, fold(heard.text))
            buttons = [*_next_wishes(heard), *_other_branches(asked, saying, heard, calendar)][:MAX_BUTTONS]
            other_day = None if asked.whens else form(OTHER_DAY, heard.lang, DATE)
            dispatcher.utter_message(response=saying.response, buttons=buttons, json_message=other_day, **saying.words)
        return [SlotSet("hours_asked", remembered(asked, heard.turn.now))]


def _of_no_day(asked: Asked, heard: Heard) -> bool:
    """Return whether the question is of no day and no place, and of more than today: seasons, lunch, evenings."""
    if asked.now or any(place.named or place.room for place in asked.places) or any(w.said_day for w in asked.whens):
        return False
    if heard.text and not heard.text.startswith("/") and not _OF_OPENING.search(fold(heard.text)):
        return True
    return bool(_NOT_OF_A_DAY.search(fold(heard.text))) or any(when.part and not when.at for when in asked.whens)


def goes_on_about_hours(heard: Heard) -> bool:
    """Return whether a message taken for something else asks on after hours: "còn Sa Đéc thì sao?"."""
    named = {slot for slot in ("branch", "room", "date", "part_of_day") if heard.all(slot)}
    return bool(named and asked_before(heard) and _ASKS_ON.search(fold(heard.text)) and _was_last(heard))


def _was_last(heard: Heard) -> bool:
    """Return whether the message before this one asked about hours."""
    said = [event for event in heard.tracker.events if event.get("event") == "user"]
    names = [(event.get("parse_data") or {}).get("intent", {}).get("name") for event in said]
    return names[-2:-1] == ["ask_opening_hours"]


def _next_wishes(heard: Heard) -> list[Button]:
    """Return a button for the book that was asked for in the same breath."""
    found = heard.all("title")[:1]
    return [button(Words(f"Tìm “{title}”", f"Find “{title}”"), heard.lang, "find_item", title=title) for title in found]


def _other_branches(asked: Asked, saying: Saying, heard: Heard, calendar: LibraryCalendar) -> list[Button]:
    """Return buttons for branches that are open at other hours that day, when the patron named no place."""
    [place, *others] = asked.places
    if saying.on is None or place.named or place.room or others:
        return []
    here, date = calendar.hours_on(saying.on, place.branch.code).spans, saying.on.isoformat()
    in_general = not asked.whens and not asked.now
    return [
        button(branch.name, heard.lang, "ask_opening_hours", branch=branch.code, date=None if in_general else date)
        for branch in calendar.branches
        if branch != place.branch and (in_general or calendar.hours_on(saying.on, branch.code).spans not in ((), here))
    ]


def _ask_which_day(dispatcher: CollectingDispatcher, heard: Heard, when: When, asked: Asked) -> None:
    days = sorted((when.first, *when.others[:1]))
    texts = [day_text(day, heard.turn.now.date(), heard.lang, tet_name(day)) for day in days]
    branch = asked.places[0].branch.code if asked.places[0].named else None
    choices = [
        button(Words(*[capitalised(text)] * 2), heard.lang, "ask_opening_hours", date=day.isoformat(), branch=branch)
        for day, text in zip(days, texts, strict=True)
    ]
    dispatcher.utter_message(response="utter_which_day", buttons=choices, first=texts[0], second=texts[-1])


def _say_room_is_elsewhere(
    dispatcher: CollectingDispatcher, heard: Heard, asked: Asked, room: str, calendar: LibraryCalendar
) -> None:
    branch, lang = asked.places[0].branch, heard.lang
    having = [other for other in calendar.branches if calendar.find_room(room, other.code)]
    if having:
        offers = [button(other.name, lang, "ask_opening_hours", branch=other.code, room=room) for other in having]
        places = listing([other.name.to(lang) for other in having], lang)
        dispatcher.utter_message(
            response="utter_room_elsewhere", buttons=offers, room=room, branch=branch.name.to(lang), places=places
        )
    else:
        rooms = listing([each.name.to(lang) for each in branch.rooms], lang)
        dispatcher.utter_message(response="utter_no_such_room", room=room, rooms=rooms)


ACTIONS = (TellHours,)
