"""Where this library's records, answers and index are, by its settings."""

from __future__ import annotations

from pathlib import Path

from connectors.settings import Settings
from retrieval.commands import Places


def places_of(settings: Settings) -> Places:
    encoder = settings.search.encoder
    return Places.under(settings.files.var, Path(encoder) if encoder else None)
