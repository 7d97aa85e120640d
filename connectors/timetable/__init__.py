"""The calendar as librarians edit it: versions, checks, and what the assistant would say of a day."""
