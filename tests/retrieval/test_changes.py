"""An index that follows its catalogue: by parts on top of the base, or anew, with readers going on meanwhile."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval import ids, index
from retrieval.asides import Job
from retrieval.catalogue import Catalogue
from retrieval.commands import Places, build_index, is_indexed, update_index
from retrieval.embedder import HashingEmbedder
from retrieval.facets import Filters
from retrieval.folders import alone
from retrieval.index import Index
from retrieval.merging import merge
from retrieval.passages import words
from retrieval.record import Identifier, Item, Record
from retrieval.vectors import VectorStore
from tests.retrieval.conftest import book

SYLLABLES = "bà cá dê gà lá mơ nước ông phố quê rừng sông thơ trăng ước vườn xưa yêu đất đêm".split()


def made_up(number: int) -> Record:
    pick = random.Random(number)
    title = " ".join(pick.choices(SYLLABLES, k=4))
    return book(
        f"m{number:05}", f"{title} {number}", f"Tác giả {number % 97}", year=1950 + number % 70,
        items=(Item(f"B{number}", f"N{number % 5}", "8"),), identifiers=(Identifier("isbn", f"97800{number:08}"),),
    )  # fmt: skip


@pytest.fixture
def large(tmp_path: Path) -> Catalogue:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert(map(made_up, range(2_500)))
    return catalogue


def seen(opened: Index, catalogue: Catalogue) -> None:
    """Assert that the index holds what the catalogue holds, in every one of its forms, and nothing else."""
    records = list(catalogue)
    assert len(opened.words) == opened.manifest.records == len(records)
    assert opened.facets.mask(Filters()).sum() == len(records)
    for record in records[::41]:
        row = opened.row(record.record_id)
        assert row is not None
        assert opened.record_id(row) == record.record_id
        assert opened.words.search(words(record.title), 3)[0][0] == row
        assert record.record_id in opened.titles.entries(record.title)[0].record_ids
        if record.identifiers:
            assert opened.words.by_number(record.identifiers[0].value) == [row]
        assert opened.facets.copies[row] == len(record.items)


def test_what_changed_is_found_and_what_was_is_not(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    base = os.readlink(tmp_path / "index")
    old = replace(made_up(7), title="Tên cũ đã bỏ", year=1900)
    large.upsert([old, book("a-new", "Đứng trước mọi mã", items=(Item("X1", "N9", ""),))])
    large.delete(["m00009"])
    manifest = index.update(tmp_path / "index", large)

    assert os.readlink(tmp_path / "index") != base
    assert [(part.start, part.rows) for part in manifest.parts] == [(0, 2500), (2500, 2)]
    opened = index.open_index(tmp_path / "index")
    seen(opened, large)
    assert index.verify(tmp_path / "index") == []
    assert opened.row("m00009") is None
    assert opened.titles.entries(made_up(7).title) == opened.titles.entries(made_up(9).title) == []
    assert opened.titles.find("cho em hỏi ten cu da bo")[0].record_ids == ("m00007",)
    assert opened.words.by_number(made_up(9).identifiers[0].value) == []
    (row,) = opened.facets.mask(Filters(branch="N9")).nonzero()[0]
    assert opened.record_id(row) == "a-new"
    assert opened.record_id(opened.facets.mask(Filters(year_to=1900)).nonzero()[0][0]) == "m00007"


def test_an_index_that_is_up_to_date_is_left_alone(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    base = os.readlink(tmp_path / "index")
    index.update(tmp_path / "index", large)
    assert os.readlink(tmp_path / "index") == base


def test_many_small_changes_make_few_parts_and_lose_nothing(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    pick = random.Random(3)
    for change in range(24):
        large.upsert(replace(made_up(n), summary=f"lần {change}") for n in pick.sample(range(2_600), 5))
        large.delete([f"m{pick.randrange(2_600):05}"])
        manifest = index.update(tmp_path / "index", large)
        assert len(manifest.parts) <= 7
    seen(index.open_index(tmp_path / "index"), large)
    assert index.verify(tmp_path / "index") == []


def test_a_deleted_record_that_comes_back_is_found_again(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    for step in (
        lambda: large.delete(["m00011"]),
        lambda: large.upsert([made_up(11)]),
        lambda: large.delete(["m00012"]),
    ):
        step()
        index.update(tmp_path / "index", large)
    opened = index.open_index(tmp_path / "index")
    assert opened.titles.entries(made_up(11).title)[0].record_ids == ("m00011",)
    seen(opened, large)


def test_the_folder_that_was_in_use_is_not_touched_by_a_change(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    before = (tmp_path / "index").resolve()
    reader = index.open_index(before)
    large.delete(["m00003"])
    index.update(tmp_path / "index", large)

    assert index.verify(before) == []
    assert reader.row("m00003") is not None
    assert reader.words.by_number(made_up(3).identifiers[0].value) == [reader.row("m00003")]
    assert len(index.open_index(before).words) == 2_500


def test_changes_are_found_by_meaning_at_once_or_when_the_model_has_been_there(
    tmp_path: Path, large: Catalogue, vectors: VectorStore
) -> None:
    class Cheap(HashingEmbedder):
        cheap = True

    changed = replace(made_up(5), title="Hoa cúc xanh trên đầm lầy", contributors=())
    for embedder, missing in ((Cheap(), 0), (HashingEmbedder(64), 1)):
        index.build(tmp_path / "index", large, embedder=embedder, vectors=vectors)
        large.upsert([changed])
        manifest = index.update(tmp_path / "index", large, embedder=embedder, vectors=vectors, embed=False)
        assert (manifest.model, manifest.unembedded) == (embedder.name, missing)
        manifest = index.update(tmp_path / "index", large, embedder=embedder, vectors=vectors)
        opened = index.open_index(tmp_path / "index")
        assert (len(manifest.parts), manifest.unembedded) == (2, 0)
        assert opened.meaning is not None
        near = opened.meaning.search(embedder.queries([changed.title])[0], 2_500)
        assert opened.record_id(near[0][0]) == "m00005"
        assert made_up(5).record_id not in [opened.record_id(row) for row, _ in near[1:]]
        large.upsert([made_up(5)])


def test_a_large_change_or_a_small_library_is_built_anew(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    large.upsert(replace(made_up(n), summary="mới") for n in range(1_000))
    assert len(index.update(tmp_path / "index", large).parts) == 1

    large.delete([f"m{n:05}" for n in range(2_000)])
    assert len(index.update(tmp_path / "index", large).parts) == 1
    large.delete(["m02100"])
    assert len(index.update(tmp_path / "index", large).parts) == 1
    seen(index.open_index(tmp_path / "index"), large)


def test_a_merge_is_due_when_a_twentieth_has_changed(tmp_path: Path, large: Catalogue) -> None:
    assert not index.is_merge_due(index.build(tmp_path / "index", large))
    large.upsert(replace(made_up(n), summary="mới") for n in range(50))
    assert not index.is_merge_due(index.update(tmp_path / "index", large))
    large.upsert(replace(made_up(n), summary="mới") for n in range(100, 150))
    assert index.is_merge_due(index.update(tmp_path / "index", large))


def test_any_number_of_workers_makes_the_same_index(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert(map(made_up, range(5_200)))
    one, two = (index.build(tmp_path / f"index{n}", catalogue, texts=("mượn sách",), workers=n) for n in (1, 2))
    ours, theirs = ({k: v for k, v in made.files.items() if not k.startswith("lexical")} for made in (one, two))
    assert ours == theirs
    assert one.codes == two.codes
    queries = [words(made_up(n).title) for n in range(0, 5_200, 400)]
    found = [[index.open_index(tmp_path / f"index{n}").words.search(q, 5) for q in queries] for n in (1, 2)]
    assert found[0] == found[1]


def test_what_changes_while_an_index_is_built_is_caught_up_with(tmp_path: Path, large: Catalogue) -> None:
    def meanwhile(what: str, done: int, whole: int) -> None:
        if (what, done) == ("names", 0):
            large.delete(["m01000"])
            large.upsert([replace(made_up(2_000), title="Đổi trong lúc xây"), book("zz", "Thêm trong lúc xây")])

    manifest = index.build(tmp_path / "index", large, progress=meanwhile)
    assert len(manifest.parts) == 2
    opened = index.open_index(tmp_path / "index")
    seen(opened, large)
    assert opened.titles.entries("doi trong luc xay")[0].record_ids == ("m02000",)
    assert opened.row("m01000") is None


def test_what_a_killed_builder_left_is_cleared_away(tmp_path: Path, large: Catalogue) -> None:
    index.build(tmp_path / "index", large)
    (tmp_path / "index.new.dead" / "lexical").mkdir(parents=True)
    (tmp_path / "index.77").mkdir()
    large.delete(["m00003"])
    index.update(tmp_path / "index", large)
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir() and not path.is_symlink()}
    assert folders == {"index.1", os.readlink(tmp_path / "index")}


def test_an_import_is_found_at_once_and_merged_in_the_background_when_due(tmp_path: Path, large: Catalogue) -> None:
    places = Places.under(tmp_path)
    build_index(places)
    large.upsert(replace(made_up(n), summary="mới") for n in range(200))
    assert len(update_index(places).parts) == 2

    deadline = time.monotonic() + 60
    while len(index.read_manifest(places.index).parts) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    manifest = index.read_manifest(places.index)
    assert ([(part.start, part.rows) for part in manifest.parts], manifest.mark) == ([(0, 2500)], large.mark)
    seen(index.open_index(places.index), large)


def test_an_index_by_another_model_is_no_index_of_today(tmp_path: Path, large: Catalogue) -> None:
    build_index(Places.under(tmp_path))
    assert is_indexed(Places.under(tmp_path))
    assert not is_indexed(Places.under(tmp_path, "fast"))
    assert update_index(Places.under(tmp_path, "fast")).model
    assert is_indexed(Places.under(tmp_path, "fast"))


def test_a_step_of_a_build_ends_with_its_starter(tmp_path: Path, large: Catalogue) -> None:
    job = Job(tmp_path / "new", large.path, (), 2_500)
    (tmp_path / "new" / "part.0").mkdir(parents=True)
    ids.write(tmp_path / "new" / "part.0", large.ids())
    step = subprocess.Popen([sys.executable, "-m", "retrieval.asides"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert step.stdin
    step.stdin.write(json.dumps(["words", str(job.folder), str(job.catalogue), [], 10**9]).encode())
    step.stdin.close()  # as the kernel does when the starter is killed
    assert step.wait(timeout=60) != 0


def test_of_two_merges_one_is_done(tmp_path: Path, large: Catalogue) -> None:
    places = Places.under(tmp_path)
    index.build(places.index, large)
    large.upsert(replace(made_up(n), summary="mới") for n in range(200))
    index.update(places.index, large)
    with alone(places.index, "merge"):
        merge(places)
    assert len(index.read_manifest(places.index).parts) == 2
    merge(places)
    assert len(index.read_manifest(places.index).parts) == 1
