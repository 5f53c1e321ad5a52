"""Text from processes: cleaned, without values, and never a reason to fail."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.ebpf import text
from host_agent.ebpf.layout import EventFlag
from host_agent.ebpf.records import Endpoints, Event, Message


def _message(raw: bytes, split: int = 0, flags: int = 0) -> Message:
    event = Event(0, 0, bytes(16), bytes(8), bytes(8), 1, 1, 0, 2, 0, flags, 0, 0, -1, -1, (0,) * 6)
    return Message(
        event, Endpoints(bytes(16), bytes(16), 0, 0, 0, 0, 0, 0), len(raw), split, raw.ljust(320, b"\0")
    )


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        ("SELECT * FROM t WHERE a = 'x''y' AND b = 4.5e3", "SELECT * FROM t WHERE a = ? AND b = ?"),
        ("INSERT INTO t VALUES (1, 'two', 3)", "INSERT INTO t VALUES (?)"),
        ("select $1, t2.c3 from t2 -- secret 5\n where x=0xff", "select $1, t2.c3 from t2 where x=?"),
        ("select $tag$ it's $tag$ /* 7 */ , -8", "select ? , ?"),
        ("SELECT 'cut off in the mid", "SELECT ?"),
    ],
)
def test_a_statement_keeps_its_shape_and_loses_its_values(statement: str, shape: str) -> None:
    assert text.statement_shape(statement) == shape


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="'\\\0", codec="utf-8"), min_size=3))
def test_no_string_literal_survives(before: str, secret: str) -> None:
    assume_plain = before.replace("'", "").replace("$", "").replace("-", "").replace("/", "")
    marked = f"zq{secret}zq"
    assert marked not in text.statement_shape(f"{assume_plain} = '{marked}'")


@given(st.binary(max_size=320))
def test_nothing_that_a_process_sends_makes_a_reader_fail(raw: bytes) -> None:
    for shown in (
        text.clean(raw),
        text.dns_question(raw),
        text.redis_command(raw),
        text.sockaddr(raw),
        *text.paths(_message(raw)),
        *text.paths(_message(raw, split=160)),
        *text.paths(_message(raw, flags=EventFlag.PATHS_REVERSED)),
    ):
        assert shown == "" or shown.isprintable()
    text.statement_shape(text.postgres_statement(raw))


def test_names_from_the_leaf_become_a_path() -> None:
    assert text.paths(_message(b"file\0folder\0srv\0", flags=EventFlag.PATHS_REVERSED)) == [
        "/srv/folder/file"
    ]


def test_addresses_are_written_as_people_do() -> None:
    assert text.address(bytes(10) + b"\xff\xff\x7f\0\0\1") == "127.0.0.1"
    assert text.address(bytes(15) + b"\1") == "::1"
    assert text.address(bytes(16)) == ""
    assert text.sockaddr(struct.pack("=H", 2) + b"\0\x50\x0a\0\0\1" + bytes(20)) == "10.0.0.1:80"
    assert (
        text.sockaddr(struct.pack("=H", 10) + b"\0\x50" + bytes(4) + bytes(15) + b"\1" + bytes(4))
        == "[::1]:80"
    )
    assert text.sockaddr(struct.pack("=H", 1) + b"/run/x\0junk") == "/run/x"
    assert text.sockaddr(struct.pack("=H", 1) + b"\0hidden\0") == "@hidden"
    assert text.sockaddr(struct.pack("=H", 99) + bytes(20)) == "family 99"


def test_protocol_messages_give_what_they_ask() -> None:
    assert text.postgres_statement(b"Q\0\0\0\x0dSELECT 1\0") == "SELECT 1"
    assert text.postgres_statement(b"P\0\0\0\x14name\0SELECT 2\0\0\0") == "SELECT 2"
    assert text.redis_command(b"*2\r\n$3\r\nget\r") == "GET"
    assert text.dns_question(bytes(12) + b"\3www\7example\3org\0\0\1\0\1") == "www.example.org"
