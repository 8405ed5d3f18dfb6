"""What a process listens on, from `/proc`: https://man7.org/linux/man-pages/man5/proc_net.5.html."""

import contextlib
import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path

_LISTENS = "0A"
_WORD = 8  # hexadecimal digits of an address that are in this machine's order of bytes


def addresses(process: int) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Returns the addresses of the TCP sockets on which a process takes connections."""
    own = set(_sockets(process))
    tables = (Path(f"/proc/{process}/net/{name}") for name in ("tcp", "tcp6"))
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return {
        _address(row[1].partition(":")[0]) for row in rows if row[3] == _LISTENS and row[9] in own
    }


def _sockets(process: int) -> Iterator[str]:
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            if found := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link)):
                yield found[1]


def _address(digits: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    words = [digits[start : start + _WORD] for start in range(0, len(digits), _WORD)]
    found = ipaddress.ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))
    return getattr(found, "ipv4_mapped", None) or found
