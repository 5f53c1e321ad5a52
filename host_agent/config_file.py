"""Reads the configuration file; what is wrong is told with its line and key."""

import difflib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from host_agent.config import AgentConfig
from host_agent.config_types import Key, dotted


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; None where the value does not come from a line."""

    message: str
    key: Key = ()
    line: int | None = None

    def describe(self, source: str) -> str:
        """`agent.yaml:3: http.prot: unknown key`, and so on."""
        place = source if self.line is None else f"{source}:{self.line}"
        return ": ".join(part for part in (place, dotted(self.key), self.message) if part)


class ConfigError(ValueError):
    """The configuration cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(problem.describe(source) for problem in self.problems))


def load_config(path: Path | None, overrides: Mapping[Key, Any] | None = None) -> AgentConfig:
    """The configuration of a file (None: the defaults) with `overrides` (from the command line) on top.

    Raises:
        ConfigError: with everything that is wrong.
    """
    source = "configuration" if path is None else str(path)
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(source, [Problem(f"cannot be read: {reason}")]) from error
    return parse_config(text, source, overrides)


def parse_config(text: str, source: str, overrides: Mapping[Key, Any] | None = None) -> AgentConfig:
    """The configuration that a YAML text is. Raises ConfigError; `source` names the text in its messages."""
    data, lines = _read(text, source)
    for key, value in (overrides or {}).items():
        _put(data, key, value)
        lines.pop(key, None)
    try:
        config = AgentConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(source, _problems(error, lines)) from None
    combined = [Problem(message, key, _line(lines, key)) for key, message in config.problems()]
    if combined:
        raise ConfigError(source, combined)
    return config


def _read(text: str, source: str) -> tuple[dict[str, Any], dict[Key, int]]:
    lines: dict[Key, int] = {}
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}, lines
        data = _plain(loader, node, (), lines, source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not YAML: {error.problem or error.context}"
        raise ConfigError(source, [Problem(message, line=mark.line + 1 if mark else None)]) from None
    except yaml.YAMLError as error:
        raise ConfigError(source, [Problem(f"not YAML: {str(error).splitlines()[0]}")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(data, dict):
        raise ConfigError(source, [Problem("a mapping is expected, as in 'http: {port: 4318}'", line=1)])
    return data, lines


def _plain(loader: yaml.SafeLoader, node: yaml.Node, key: Key, lines: dict[Key, int], source: str) -> Any:
    """The node's value; notes the line of every key in it."""
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*key, n), lines, source) for n, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    loader.flatten_mapping(node)
    result: dict[Hashable, Any] = {}
    for name_node, value_node in node.value:
        name = loader.construct_object(name_node, deep=True)
        line = name_node.start_mark.line + 1
        if not isinstance(name, str):
            raise ConfigError(source, [Problem(f"the key {name!r} is no text", key, line)])
        if name in result:
            raise ConfigError(source, [Problem("is there twice", (*key, name), line)])
        lines[*key, name] = line
        result[name] = _plain(loader, value_node, (*key, name), lines, source)
    return result


def _put(data: dict[str, Any], key: Key, value: Any) -> None:
    *path, last = [str(part) for part in key]
    for name in path:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    data[last] = value


def _problems(error: ValidationError, lines: Mapping[Key, int]) -> list[Problem]:
    found = []
    for detail in error.errors(include_url=False):
        key = _as_written(detail["loc"], lines)
        if detail["type"] == "extra_forbidden":
            message = _unknown(key, detail["loc"])
        else:
            message = detail["msg"].removeprefix("Value error, ")
            shown = "\n" in message or message.startswith(repr(detail["input"])[:1])
            if not shown and _is_plain(detail["input"]):
                message = f"{message[:1].lower()}{message[1:]}, not {detail['input']!r}"
        found.append(Problem(message, key, _line(lines, key)))
    return found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _as_written(place: Key, lines: Mapping[Key, int]) -> Key:
    """The key without what pydantic puts between its parts, such as the kind of a destination."""
    key: Key = ()
    for part in place:
        if part != "[key]" and ((*key, part) in lines or part not in _TAGS):
            key = (*key, part)
    return key


def _unknown(key: Key, place: Key) -> str:
    names = _names(place[:-1])
    near = difflib.get_close_matches(str(key[-1]), names, n=1, cutoff=0.6)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; there are {', '.join(sorted(names))}"


def _names(place: Key) -> set[str]:
    """The keys that there are in the section at a place."""
    models: list[type[BaseModel]] = [AgentConfig]
    for part in place:
        chosen = [model for model in models if part == _tag(model)]
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        inner = [model for field in fields for model in _models(field.annotation)]
        models = chosen or inner or models
    return {name for model in models for name in model.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _tag(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("type")
    return next(iter(get_args(field.annotation)), None) if field is not None else None


_TAGS = {_tag(model) for model in _models(AgentConfig.model_fields["destinations"].annotation)}


def _line(lines: Mapping[Key, int], key: Key) -> int | None:
    """The line of the key, or of the nearest mapping around it that stands in the file."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key) if key else None
