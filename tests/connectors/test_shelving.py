"""What the catalogue tells a library system's adapter follows every change of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.ils.shelf import Copy, Shelved
from connectors.shelving import CatalogueShelf
from library.calendar import LibraryCalendar
from retrieval.catalogue import Catalogue
from retrieval.record import Item, Record

DEMO = Path(__file__).resolve().parents[2] / "demo"
SO_DO = Record("1", "Số đỏ", items=(Item("VN1", "MT", "895.922 S", "mượn"), Item("VN2", "CL", "895.922 S")))
KINH = Record("2", "Kính vạn hoa", part="Tập 1", items=(Item("VN3", "MT"),))


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert([SO_DO, KINH])
    return catalogue


@pytest.fixture
def shelf(catalogue: Catalogue, tmp_path: Path) -> CatalogueShelf:
    calendar = LibraryCalendar.load(DEMO / "calendar.yml")
    return CatalogueShelf(catalogue, lambda: calendar, tmp_path / "barcodes.sqlite")


def test_a_barcode_gives_its_title_with_its_volume(shelf):
    assert shelf.by_barcode(["VN2", "VN3", "nobody's"]) == {
        "VN2": Shelved("1", "Số đỏ"),
        "VN3": Shelved("2", "Kính vạn hoa. Tập 1"),
    }


def test_copies_and_titles_of_records_and_nothing_of_unknown_ones(shelf):
    assert shelf.copies_of(["1", "9"]) == {
        "1": [Copy("VN1", "MT", "895.922 S", "mượn"), Copy("VN2", "CL", "895.922 S")]
    }
    assert shelf.titles(["2", "9"]) == {"2": "Kính vạn hoa. Tập 1"}
    assert shelf.titles([]) == shelf.copies_of([]) == shelf.by_barcode([]) == {}


def test_a_copy_that_moved_to_another_record_is_found_there(catalogue, shelf):
    shelf.follow()
    catalogue.upsert([replace(KINH, items=(Item("VN2", "CL"),)), replace(SO_DO, items=SO_DO.items[:1])])
    assert shelf.by_barcode(["VN1", "VN2", "VN3"]) == {
        "VN1": Shelved("1", "Số đỏ"),
        "VN2": Shelved("2", "Kính vạn hoa. Tập 1"),
    }


def test_a_deleted_record_is_forgotten(catalogue, shelf):
    shelf.follow()
    catalogue.delete(["1"])
    assert shelf.by_barcode(["VN1"]) == {}


def test_only_what_changed_is_read_again(catalogue, shelf):
    assert shelf.follow() == 2
    assert shelf.follow() == 0
    catalogue.upsert([replace(SO_DO, subtitle="tiểu thuyết")])
    assert shelf.follow() == 1


def test_branches_are_the_calendars(shelf):
    assert [branch.code for branch in shelf.branches()][:2] == ["MT", "CL"]
