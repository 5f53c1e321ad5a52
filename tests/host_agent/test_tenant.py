import pytest

from host_agent.tenant import DEFAULT_TENANT, SingleTenant, Tenant


@pytest.mark.parametrize("name", ["a", "default", "team-7", "a_b", "x" * 63])
def test_accepts_names_that_are_safe_in_paths_and_subjects(name: str) -> None:
    assert str(Tenant(name)) == name


@pytest.mark.parametrize("name", ["", "A", "a.b", "../etc", "-a", "a-", "x" * 64, "a b", "ä", "a\n"])
def test_refuses_other_names_and_says_what_is_allowed(name: str) -> None:
    with pytest.raises(ValueError, match="use 1 to 63 of a-z"):
        Tenant(name)


def test_the_single_tenant_resolver_knows_one_tenant() -> None:
    assert SingleTenant().resolve({"x-tenant": "other"}, "127.0.0.1") == DEFAULT_TENANT
