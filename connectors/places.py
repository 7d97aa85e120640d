"""Where this library's records, answers and index are, by its settings."""

from __future__ import annotations

from connectors.settings import Settings
from retrieval.commands import Places


def places_of(settings: Settings) -> Places:
    return Places.under(settings.files.var, settings.search.encoder, settings.search.answers_encoder)
