"""What a new answer is begun with: a patron's question and what a librarian replied to it, or words handed along."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from connectors.console.staff import Visitor
from connectors.curation import questions
from connectors.staff.roles import Permission
from connectors.store import messages, replies

LONGEST = 300  # characters of a question taken over
MOST_WORDINGS = 20


def started(db: Connection, asked: Mapping[str, str], visitor: Visitor) -> dict[str, str]:
    """Return the fields to begin with: of the message `from`, if this person may read it, or of `question`."""
    begun = {name: asked[name].strip()[:LONGEST] for name in ("question", "topic") if asked.get(name, "").strip()}
    if asked.get("from") and visitor.may(Permission.READ_TALKS):
        begun |= _of_message(db, asked["from"])
    if (number := asked.get("cluster", "")).isdigit() and len(number) < 10 and visitor.may(Permission.READ_TALKS):
        begun |= _of_cluster(db, int(number))
    return begun


def _of_cluster(db: Connection, number: int) -> dict[str, str]:
    """Return the wordings of this cluster of questions, and what a librarian replied to one of them."""
    asked = questions.wordings(db, number)
    if not asked:
        return {}
    said = questions.said_by_people(db, number, 1)
    begun = {"question": asked[0][:LONGEST], "phrasings": "\n".join(each[:LONGEST] for each in asked[:MOST_WORDINGS])}
    return {**begun, **({"answer": said[0]} if said else {})}


def _of_message(db: Connection, message_id: str) -> dict[str, str]:
    row = db.execute(select(messages).where(messages.c.id == message_id, messages.c.kind == "text")).first()
    if row is None:
        return {}
    said = (
        select(replies.c.body)
        .where(
            replies.c.conversation_id == row.conversation_id,
            replies.c.kind == "person",
            replies.c.created_at >= row.received_at,
        )
        .order_by(replies.c.id)
        .limit(1)
    )
    body = db.scalar(said) or []
    answer = "\n".join(reply["text"] for reply in body if reply.get("text"))
    return {"question": row.text[:LONGEST], "phrasings": row.text[:LONGEST], **({"answer": answer} if answer else {})}
