import re
from pathlib import Path
from typing import Any

import pytest

from host_agent import config as config_module
from host_agent.config import AgentConfig, default_data_dir, is_loopback
from host_agent.config_file import ConfigError, load_config, parse_config
from host_agent.config_types import Key, parse_bytes


def problems(text: str, overrides: dict[Key, Any] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "agent.yaml", overrides)
    return str(caught.value).splitlines()


def test_the_defaults_are_safe_on_ones_own_machine() -> None:
    config = parse_config("", "agent.yaml")
    assert config == AgentConfig()
    assert {config.http.host, config.grpc.host, config.api.host} == {"127.0.0.1"}
    assert (config.http.port, config.grpc.port, config.api.port) == (4318, 4317, 4319)
    assert config.intake.fsync == "interval"
    assert config.problems() == []


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(
        """
http:
  port: 4400
  max_body_bytes: 16MiB
  cors: {allowed_origins: [https://shop.example, "http://localhost:*"]}
intake: {fsync: always}
store:
  retention_hours: null
data_dir: ~/telemetry
"""
    )
    config = load_config(path)
    assert config.http.port == 4400
    assert config.http.max_body_bytes == 16 << 20
    assert config.http.cors.allowed_origins == ("https://shop.example", "http://localhost:*")
    assert config.intake.fsync == "always"
    assert config.store.retention_hours is None
    assert config.data_dir == Path.home() / "telemetry"
    assert config.grpc == AgentConfig().grpc


def test_options_override_the_file() -> None:
    config = parse_config(
        "http: {port: 1}\ngrpc: null", "agent.yaml", {("http", "port"): 2, ("grpc", "port"): 3}
    )
    assert (config.http.port, config.grpc.port) == (2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http:\n  prot: 4318", "agent.yaml:2: http.prot: unknown key; did you mean port?"),
        ("htpp: {}", "agent.yaml:1: htpp: unknown key; did you mean http?"),
        ("grpc: {zzz: 1}", "agent.yaml:1: grpc.zzz: unknown key; there are host, port"),
        (
            "\n\nhttp: {port: 70000}",
            "agent.yaml:3: http.port: 70000 is no port; use 0 (any free one) to 65535",
        ),
        ("http: {port: here}", "agent.yaml:1: http.port: input should be a valid integer"),
        ("http: [1]", "agent.yaml:1: http: "),
        (
            "intake:\n  fsync: sometimes",
            "agent.yaml:2: intake.fsync: input should be 'never', 'interval' or 'always'",
        ),
        ("http: {max_body_bytes: 3 apples}", "'3 apples' is no size; write bytes, or as in 64MiB, 1.5GB"),
        (
            "http:\n  cors:\n    allowed_origins:\n      - shop.example",
            "agent.yaml:4: http.cors.allowed_origins[0]: ",
        ),
        ("http: {port: 1}\nhttp: {port: 2}", "agent.yaml:2: http: is there twice"),
        ("1: 2", "the key 1 is no text"),
        ("- a", "agent.yaml:1: a mapping is expected"),
        ("http: {port: 1", "agent.yaml:1: not YAML"),
        ("a: &x [*y]", "not YAML"),
        ("a: \x00", "not YAML"),
        ("http: {host: 0.0.0.0}", "agent.yaml:1: http.host: 0.0.0.0 is reachable from other machines"),
        ("http: {max_body_bytes: 1GiB}", "http.max_in_flight_bytes: is below http.max_body_bytes"),
        ("intake: {max_bytes: 2MiB}", "agent.yaml:1: intake.max_bytes: is too small for one request"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_key(text: str, expected: str) -> None:
    (message,) = problems(text)
    assert expected in message


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems("http: {prot: 1}\ngrpc: {port: -1}\nintake: {interval_ms: 0}")) == 3


def test_every_condition_that_is_wrong_is_told_with_its_own_line() -> None:
    text = """pipeline:
  filters:
    traces:
      - 'IsMatch(name, "^GET")'
      - 'IsMtch(name, "^GET")'
    logs:
      - keep: 'severity > 3'
  sampling:
    - {probability: 1.0}
    - {condition: 'nme == "x"', probability: 0.5}
  routes:
    - to: [archive]
      signal: logs
      condition: 'kind == SPAN_KIND_SERVER'
"""
    lines = [re.match(r"agent\.yaml:(\d+): (\S+): column 1: ", line) for line in problems(text)]
    assert [found.groups() for found in lines if found] == [
        ("5", "pipeline.filters.traces[1]"),
        ("7", "pipeline.filters.logs[0]"),
        ("10", "pipeline.sampling[1].condition"),
        ("14", "pipeline.routes[0].condition"),
    ]


def test_a_route_to_a_destination_that_is_not_there_is_told_with_its_line() -> None:
    (message,) = problems("pipeline:\n  routes:\n    - {to: [nobody]}\ndestinations: {show: {type: console}}")
    assert message.startswith("agent.yaml:3: pipeline.routes[0].to: no destination is called 'nobody'")


def test_a_section_whose_keys_are_commented_out_is_empty() -> None:
    assert parse_config("http:\n  # port: 1\ngrpc:", "agent.yaml") == AgentConfig()


def test_a_mistake_in_an_option_has_no_line() -> None:
    (message,) = problems("http: {port: 1}", {("http", "port"): 70000})
    assert "70000 is no port" in message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read"):
        load_config(tmp_path / "latin.yaml")


def test_other_addresses_need_a_word() -> None:
    config = parse_config("http: {host: 0.0.0.0}\nallow_insecure_bind: true", "agent.yaml")
    assert config.http.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_knows_which_addresses_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", 10), ("64MiB", 64 << 20), ("1.5 GB", 1_500_000_000), ("2k", 2000), ("1TiB", 1 << 40), (7, 7)],
)
def test_sizes_are_written_as_people_do(text: Any, expected: int) -> None:
    assert parse_bytes(text) == expected


def test_data_goes_where_each_system_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    for platform, expected in (
        ("linux", Path("/data/spanweave")),
        ("darwin", Path.home() / "Library" / "Application Support" / "spanweave"),
        ("win32", Path("/local/spanweave")),
    ):
        monkeypatch.setattr(config_module.sys, "platform", platform)
        assert default_data_dir() == expected


def test_the_guide_names_every_key_and_its_default() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    example = guide.split("```yaml\n", 1)[1].split("```", 1)[0]
    config = parse_config(example, "docs/configuration.md")
    assert config == AgentConfig(data_dir=config.data_dir)

    def keys(model: Any) -> set[str]:
        found = set()
        for name in type(model).model_fields:
            found |= {name} | (
                keys(value) if hasattr(value := getattr(model, name), "model_fields_set") else set()
            )
        return found

    assert {key for key in keys(config) if f"{key}:" not in example} == set()
