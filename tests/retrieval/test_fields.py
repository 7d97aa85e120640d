import pytest

from retrieval.facets import Filters
from retrieval.fields import fields
from retrieval.record import CHILDREN, PUPILS


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("sách nuôi tôm sau 2015", Filters(year_from=2016)),
        ("sach nuoi tom tu nam 2015", Filters(year_from=2015)),
        ("thơ in trước năm 1975", Filters(year_to=1974)),
        ("luật đất đai từ 2010 đến 2015", Filters(year_from=2010, year_to=2015)),
        ("luat dat dai 2010-2015", Filters(year_from=2010, year_to=2015)),
        ("niên giám năm 2020", Filters(year_from=2020, year_to=2020)),
        ("sách tô màu cho bé 5 tuổi", Filters(audience=CHILDREN)),
        ("sach cho tre 14 tuoi", Filters(audience=PUPILS)),
        ("toán lớp 3", Filters(audience=PUPILS)),
        ("truyện cho thiếu nhi", Filters(audience=CHILDREN)),
        ("truyện bằng tiếng Pháp", Filters(language="fre")),
    ],
)
def test_a_wish_is_heard_with_marks_and_without(typed: str, filters: Filters) -> None:
    assert [each.filters for each in fields(typed)] == [filters]


@pytest.mark.parametrize("typed", ["số đỏ", "1984", "tuổi thơ dữ dội", "học tiếng anh", "cha già 60 tuổi", ""])
def test_a_title_asks_for_nothing_besides(typed: str) -> None:
    assert fields(typed) == []


def test_a_publisher_is_heard() -> None:
    assert [each.publisher for each in fields("truyện nxb kim đồng")] == ["kim dong"]
