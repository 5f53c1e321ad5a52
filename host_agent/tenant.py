"""Who a request belongs to: fixed at the door, part of every record, partition and query from there on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
MAX_NAME_BYTES = 63


@dataclass(frozen=True, slots=True, order=True)
class Tenant:
    """A tenant's name: 1 to 63 of `a-z 0-9 _ -`, beginning and ending with a letter or digit.

    That makes it safe as a folder name on every system, as a subject token and as a label.

    Raises:
        ValueError: when the name is none.
    """

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"tenant name {self.name[:80]!r}: use 1 to {MAX_NAME_BYTES} of a-z, 0-9, '-' and '_', "
                "beginning and ending with a letter or digit"
            )

    def __str__(self) -> str:
        return self.name


DEFAULT_TENANT = Tenant("default")


class TenantResolver(Protocol):
    """The seam where authentication stands: from what a request carries to the tenant it belongs to."""

    def resolve(self, headers: Mapping[str, str], peer: str) -> Tenant:
        """The tenant of a request.

        Args:
            headers: HTTP headers or gRPC metadata, names in lower case.
            peer: The client's address.
        """
        ...


@dataclass(frozen=True, slots=True)
class SingleTenant:
    """Everything belongs to one tenant: the agent on one's own machine."""

    tenant: Tenant = DEFAULT_TENANT

    def resolve(self, headers: Mapping[str, str], peer: str) -> Tenant:
        return self.tenant
