"""What can go wrong between a program and the kernel.

EbpfError
├── EbpfUnavailable     this host or these privileges cannot do it at all
├── ProbeRefused        one probe was refused, by the kernel or on purpose; the others go on
└── HelperGone          the privileged helper ended
"""

from __future__ import annotations


class EbpfError(Exception):
    """Base of all errors of this package; ``str()`` says what happened and what to do."""


class EbpfUnavailable(EbpfError):  # noqa: N818 - what happened, as users read it
    """No program can be loaded here: not Linux, no libbpf, no privileges, no BTF."""


class ProbeRefused(EbpfError):  # noqa: N818 - what happened, as users read it
    """One probe cannot be attached; the reason says why."""


class HelperGone(EbpfError):  # noqa: N818 - what happened, as users read it
    """The helper process ended; everything it had attached is detached."""
