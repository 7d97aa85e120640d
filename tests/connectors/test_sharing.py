"""Links that open the chat at a book or a question: what they hold, and what anything else means, which is a hello."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from connectors.channels.port import COMMANDS
from connectors.cli_poster import add_poster_commands
from connectors.settings import FilesSection, Settings, WebSection
from connectors.sharing import (
    LONGEST_START,
    payload_of_command,
    share_book,
    share_question,
    start_argument,
    start_target,
)
from retrieval.answer_files import import_answers
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from tests.journeys.shelves import RECORDS
from tests.virtual_time import START

DEMO = Path(__file__).resolve().parents[2] / "demo"

IDS = st.text(st.characters(min_codepoint=0x21, exclude_categories=("Z", "C")), min_size=1, max_size=100)


@given(IDS, st.sampled_from(["book", "ask"]))
def test_what_a_link_holds_is_found_again_or_does_not_fit(target, what):
    argument = start_argument(what, target)
    if argument is None:
        assert len(target.encode()) > 46
    else:
        assert re.fullmatch(r"[A-Za-z0-9_-]{3,64}", argument)
        assert start_target(argument) == f"{what}:{target}"


@given(st.text(max_size=80) | st.from_regex(r"[bq]_[A-Za-z0-9_\-]{0,70}", fullmatch=True))
def test_only_arguments_of_ours_mean_something(argument):
    target = start_target(argument)
    if target is not None:
        what, _, named = target.partition(":")
        assert start_argument(what, named) == argument


@pytest.mark.parametrize(
    "argument",
    ["", "b", "b_", "_", "x_bWFyYzE", "b_####", "b_bWFyYzE=", "b_bWFyYzE\n", "B_bWFyYzE",
     "b_" + "YQ" * 40, "b__w", "b_YSBi"],
)  # fmt: skip
def test_a_forged_argument_means_nothing(argument):
    assert start_target(argument) is None


def test_a_book_opens_in_the_web_chat_and_at_telegram():
    link = share_book("demo/12&3", "https://hoi.example", "thuvien_bot")
    assert link.web == "https://hoi.example/chat?sach=demo%2F12%263"
    assert link.telegram == f"https://t.me/thuvien_bot?start={start_argument('book', 'demo/12&3')}"
    assert len(link.telegram.split("=")[1]) <= LONGEST_START


def test_a_question_is_asked_in_its_own_words_on_the_web():
    link = share_question("lam-the", "Làm thẻ thế nào?", "https://hoi.example", None)
    assert link.web == "https://hoi.example/chat?hoi=L%C3%A0m%20th%E1%BA%BB%20th%E1%BA%BF%20n%C3%A0o%3F"
    assert link.telegram is None


def test_an_id_too_long_for_telegram_has_no_link_there():
    assert share_book("x" * 47, "https://hoi.example", "thuvien_bot").telegram is None


def test_a_link_is_what_the_button_of_that_book_or_answer_carries():
    assert payload_of_command("start book:demo-0001") == '/select_item{"record_id": "demo-0001"}'
    assert payload_of_command("start ask:lam-the") == '/ask_library_info{"answer_key": "lam-the"}'


def test_a_link_of_the_librarys_own_leads_to_linking_a_card():
    assert start_target("link") == "link"
    assert payload_of_command("start link") == "/link_account"


def test_commands_without_an_argument_mean_what_the_port_says():
    assert {command: payload_of_command(command) for command in COMMANDS} == dict(COMMANDS)


@pytest.mark.parametrize(
    "text",
    ["start ", "start book:", "start book: x", "start evil:1", "startbook:1", "start book:" + "x" * 101,
     "restart", "/greet", "start book:a\nb"],
)  # fmt: skip
def test_what_is_no_command_of_ours_is_a_hello(text):
    assert payload_of_command(text) == "/greet"


@given(st.text(max_size=120))
def test_no_argument_breaks_out_of_its_slot(argument):
    payload = payload_of_command(f"start {argument}")
    assert payload is not None
    if payload not in ("/greet", "/link_account"):
        intent, _, slots = payload.partition("{")
        assert intent in ("/select_item", "/ask_library_info")
        assert len(json.loads("{" + slots)) == 1


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def share(tmp_path):
    """Return what `thuthu share …` prints for a library with one book and its curated answers."""
    var = tmp_path / "var"
    var.mkdir()
    Catalogue(var / "catalogue.sqlite").upsert([RECORDS[0]])
    import_answers(DEMO / "answers", AnswerBook(var / "answers.sqlite"), START)
    settings = Settings(files=FilesSection(var=var), web=WebSection(public_url="https://hoi.example"))

    def run(*words: str) -> tuple[list[str], str]:
        app, written, complaint = typer.Typer(), io.StringIO(), []

        def fail(message: str):
            complaint.append(message)
            raise typer.Exit(2)

        add_poster_commands(app, lambda: settings, Console(file=written, width=40), fail)
        CliRunner().invoke(app, ["share", *words])
        return written.getvalue().splitlines(), " ".join(complaint)

    return run


def test_the_command_prints_the_links_of_a_book(share):
    printed, _ = share("book", "so-do", "--telegram-user", "thuvien_bot")
    link = share_book("so-do", "https://hoi.example", "thuvien_bot")
    assert printed == ["Số đỏ", link.web, link.telegram]


def test_the_command_prints_the_links_of_a_question(share):
    printed, _ = share("question", "dia-chi")
    question = "Thư viện có tài liệu về địa phương không?"
    assert printed == [question, share_question("dia-chi", question, "https://hoi.example", None).web]


@pytest.mark.parametrize(("what", "said"), [("book", "no record nothing"), ("question", "no answer nothing")])
def test_a_link_to_nothing_is_not_made(share, what, said):
    printed, complaint = share(what, "nothing")
    assert printed == []
    assert said in complaint
