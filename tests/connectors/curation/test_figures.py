import pytest

from connectors.curation.figures import differences, figures


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mượn 14 ngày, tối đa 3 cuốn.", {"ngay": {"14"}, "cuon": {"3"}}),
        ("Phí 20.000 đồng", {"dong": {"20.000"}}),
        ("Phí 20000đ", {"dong": {"20.000"}}),
        ("Phí 20k", {"dong": {"20.000"}}),
        ("Phí 20 nghìn đồng", {"dong": {"20.000"}}),
        ("Mở 7h30 đến 11 giờ 30", {"clock": {"7 giờ 30", "11 giờ 30"}}),
        ("Từ 28/11 đến 1/12/2026", {"date": {"28/11", "1/12/2026"}}),
        ("Giảm 50%", {"%": {"50"}}),
        ("Phòng 204, tầng 2", {}),
        ("không có số nào", {}),
    ],
)
def test_figures_are_found_by_what_they_count(text: str, found: dict[str, set[str]]) -> None:
    assert figures(text) == found


def test_only_what_both_tell_and_tell_otherwise_is_a_difference() -> None:
    one, other = "Mượn 14 ngày, 3 cuốn.", "Mượn 21 ngày, 3 cuốn, phí 5.000 đồng."
    assert [(each.unit, each.mine, each.theirs) for each in differences(one, other)] == [("ngày", ("14",), ("21",))]
    assert differences("Mở 7 giờ 30.", "Mở 7h30, nghỉ 11h30.") == []
