"""What the gateway itself says of personal data: the notice of a first contact, /privacy and /xuatdulieu."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connectors.channels.port import Button, Reply
from connectors.messages import say, sentence
from connectors.privacy import StoredPrivacy
from library.ports import Turn


@dataclass(frozen=True)
class Keeper:
    """Who keeps the data, for how long, and who answers questions about them."""

    library: str
    library_en: str
    contact: str  # empty: the librarians at the desk
    conversations_days: int
    notes_days: int
    public_url: str

    def name(self, lang: str) -> str:
        return self.library_en if lang == "en" else self.library

    def page(self, lang: str) -> str:
        """Return the address of the page that says it all."""
        return f"{self.public_url}/privacy?lang={lang}"

    def values(self, lang: str) -> dict[str, object]:
        """Return what stands for the `{names}` of the sentences."""
        contact = self.contact or sentence("privacy_contact_nobody", lang)
        days = {"days": self.conversations_days, "notes_days": self.notes_days}
        return {"library": self.name(lang), "contact": contact, "url": self.page(lang), **days}


class PrivacyWords:
    """`first_contact` goes before the first answer; `privacy` and `export` are the replies to these commands."""

    def __init__(self, keeper: Keeper, privacy: StoredPrivacy) -> None:
        self._keeper = keeper
        self._privacy = privacy

    def first_contact(self, lang: str) -> Reply:
        return say("privacy_first", lang, **self._keeper.values(lang))

    async def privacy(self, turn: Turn, lang: str) -> Reply:
        said = say("privacy", lang, **self._keeper.values(lang))
        return replace(said, buttons=(await self._copy(turn, lang), *said.buttons))

    async def export(self, turn: Turn, lang: str) -> Reply:
        return replace(say("export_ready", lang), buttons=(await self._copy(turn, lang),))

    async def _copy(self, turn: Turn, lang: str) -> Button:
        return Button(sentence("export_button", lang), url=await self._privacy.export(turn))
