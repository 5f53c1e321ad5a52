"""What the examples of export and query print, against a running agent."""

from tests.examples.conftest import RunningAgent, run_example


def test_what_the_official_sdk_exports_is_read_back_at_once(agent: RunningAgent) -> None:
    done = run_example("agent_export", "--otlp", agent.otlp, "--api", agent.api)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "  POST /orders, child of nobody" in lines
    trace = agent.ask("/api/v1/traces?service=orders")["traces"][0]
    assert lines[0] == f"trace {trace['trace_id']}"
    assert (trace["root_name"], trace["span_count"]) == ("POST /orders", 2)


def test_the_slowest_traces_are_listed_with_what_takes_the_time(agent: RunningAgent) -> None:
    run_example("agent_export", "--otlp", agent.otlp, "--api", agent.api)
    done = run_example("query_slowest", "--api", agent.api, "--service", "orders")
    assert (done.returncode, done.stderr) == (0, "")
    assert " POST /orders " in done.stdout
    assert ", of it INSERT orders " in done.stdout


def test_a_parameter_that_the_agent_refuses_is_explained(agent: RunningAgent) -> None:
    done = run_example("query_slowest", "--api", agent.api, "--since", "soon")
    assert done.returncode == 1
    assert done.stderr == "since is 'soon'\n"


def test_without_an_agent_both_say_what_to_start() -> None:
    for name in ("agent_export", "query_slowest"):
        done = run_example(name, "--api", "http://127.0.0.1:1")
        assert done.returncode == 1
        assert "start `spanweave agent`" in done.stderr
        assert "Traceback" not in done.stderr
