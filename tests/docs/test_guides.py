"""What the guides name is there: files, commands, options, targets, modules, keys."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from host_agent.cli import spanweave
from host_agent.config import AgentConfig
from host_agent.config_file import load_config, parse_config
from tests.docs.guides import CHECKOUT, GUIDES, Guide

MAKEFILE = (CHECKOUT / "Makefile").read_text()
FOLDERS = ("wasm_sdk", "host_agent", "bpf", "tui", "web", "tests", "benchmarks", "examples", "docs")
BUILT = ("web/dist", "docs/images")
OURS = ("wasm_sdk", "host_agent", "tui", "examples", "benchmarks", "tests")

every_guide = pytest.mark.parametrize("guide", [Guide(path) for path in GUIDES], ids=lambda guide: guide.name)


@every_guide
def test_links_lead_somewhere(guide: Guide) -> None:
    for link in guide.links():
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = guide.path.parent / path if path else guide.path
        assert target.exists(), link
        assert not anchor or anchor in Guide(target).anchors(), link


def test_the_list_of_guides_has_them_all() -> None:
    listed = set(Guide(CHECKOUT / "docs" / "index.md").links())
    assert {path.name for path in GUIDES if path.parent.name == "docs"} - {"index.md"} <= listed


@every_guide
def test_commands_and_their_options_exist(guide: Guide) -> None:
    for line in guide.commands():
        for words in invocations(line, "spanweave"):
            if not words or words[0] in ("--version", "--help"):
                continue
            command = spanweave.get_command(click.Context(spanweave), words[0])
            assert command is not None, line
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            named = {word.partition("=")[0] for word in words[1:] if re.match(r"--\w", word)}
            assert named <= known | {"--help"}, line


@every_guide
def test_options_named_alone_belong_to_some_command(guide: Guide) -> None:
    commands = [
        spanweave.get_command(click.Context(spanweave), name)
        for name in spanweave.list_commands(click.Context(spanweave))
    ]
    known = {
        name
        for command in commands
        if command
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    }
    for code in guide.inline():
        if re.match(r"--\w", code):
            assert code.split()[0] in known | {"--help"}, code


@every_guide
def test_make_targets_and_groups_of_benchmarks_exist(guide: Guide) -> None:
    for line in guide.commands():
        for words in invocations(line, "make"):
            for word in words:
                if word.startswith("ONLY="):
                    assert (CHECKOUT / "benchmarks" / f"{word[5:]}.py").is_file(), line
                elif word[0].isalpha():
                    assert re.search(rf"^{re.escape(word)}:", MAKEFILE, re.MULTILINE), line


@every_guide
def test_modules_that_are_run_exist(guide: Guide) -> None:
    for line in guide.commands():
        for words in invocations(line, "python"):
            if words[:1] == ["-m"] and words[1].split(".")[0] in OURS:
                path = CHECKOUT / words[1].replace(".", "/")
                assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), line


@every_guide
def test_files_exist(guide: Guide) -> None:
    for code in guide.inline():
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]*", code) and not code.startswith(BUILT):
            assert (CHECKOUT / code).exists(), code


@every_guide
def test_python_names_exist(guide: Guide) -> None:
    """The imports of the code blocks, and dotted names of our packages in sentences."""
    for block in guide.blocks("python"):
        for node in ast.walk(
            compile(block, guide.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        ):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    assert resolves(f"{node.module}.{alias.name}"), ast.unparse(node)
            elif isinstance(node, ast.Import):
                assert all(resolves(alias.name) for alias in node.names), ast.unparse(node)
    for code in guide.inline():
        if re.fullmatch(r"(wasm_sdk|host_agent)(\.\w+)+", code):
            assert resolves(code), code


@every_guide
def test_configurations_are_accepted(guide: Guide, tmp_path: Path) -> None:
    for number, block in enumerate(guide.blocks("yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block)
        load_config(file)


def test_the_guide_to_the_configuration_has_every_key_with_its_default() -> None:
    (block,) = Guide(CHECKOUT / "docs" / "configuration.md").blocks("yaml")
    told = parse_config(block, "configuration.md").model_dump(mode="json", exclude={"data_dir"})
    assert told == AgentConfig().model_dump(mode="json", exclude={"data_dir"})
    written = set(keys(yaml.safe_load(block)))
    assert [key for key in keys(AgentConfig().model_dump(mode="json")) if key not in written] == []


def test_attributes_of_the_script_tag_are_those_that_the_loader_reads() -> None:
    source = (CHECKOUT / "web/src/loader/options.ts").read_text()
    read = {
        "data-" + re.sub(r"[A-Z]", lambda capital: "-" + capital[0].lower(), name)
        for name in re.findall(r"\bdata\.(\w+)", source)
    }
    page = Guide(CHECKOUT / "docs" / "page.md")
    table = set(re.findall(r"`(data-[a-z-]+)`", "\n".join(re.findall(r"^\|.*\|$", page.text, re.MULTILINE))))
    assert table == read


def invocations(line: str, program: str) -> list[list[str]]:
    """The words after `program` wherever a command of `line` begins with it, up to a lone `--`."""
    found: list[list[str]] = []
    for part in re.split(r"[|;&]+", line):
        try:
            words = shlex.split(part)
        except ValueError:  # an apostrophe: a sentence, not a command
            continue
        while words and (words[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
            del words[0]
        if words and Path(words[0]).name == program:
            end = words.index("--") if "--" in words else len(words)
            found.append(words[1:end])
    return found


def keys(section: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The place of every key of a configuration."""
    for name, value in section.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from keys(value, (*above, name))


def resolves(dotted: str) -> bool:
    """Whether a module, or an attribute of one, has this name."""
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        module, _, name = dotted.rpartition(".")
        return bool(module) and hasattr(importlib.import_module(module), name)
    return True
