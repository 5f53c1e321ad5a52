import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text import clean, fit, fit_right


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("GET /cart", "GET /cart"),
        ("a\x1b[31mred\x1b[0m", "a␛[31mred␛[0m"),
        ("bell\x07 tab\t line\n", "bell␇ tab␉ line␊"),
        ("del\x7f c1\x9b31m", "del␡ c1�31m"),
        ("‮gnp.exe⁦", "�gnp.exe�"),
        ("zero​width﻿", "zero�width�"),
        ("[red]markup[/]", "[red]markup[/]"),
        ("naïve 購入 عربي", "naïve 購入 عربي"),
    ],
)
def test_what_could_drive_the_terminal_is_made_visible(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_stacked_combining_marks_are_cut() -> None:
    assert clean("z" + "̀" * 50 + "a") == "z" + "̀" * 2 + "a"
    assert clean("̀a") == "a"


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)


@given(st.text(), st.integers(0, 30))
def test_a_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(fit(clean(text), width)) == width
    assert cell_len(fit_right(clean(text), width)) == width


def test_a_text_that_is_cut_says_so() -> None:
    assert fit("checkout", 5) == "chec…"
    assert fit("購入する", 5) == "購入…"
    assert fit_right("12", 5) == "   12"
