"""The guard's verdict on a million addresses and on every address of
tests/fixtures/ssrf_urls.json, against the registries (see registry.py).

A million takes some seconds, so there is no shorter form. POSTEL_TEST_ADDRESSES sets another
number, POSTEL_TEST_SEED other addresses.
"""

import json
import os
import random
import re
import socket
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
import registry
from programs import FIXTURES, verdicts

COUNT = int(os.environ.get("POSTEL_TEST_ADDRESSES", 1_000_000))
SEED = int(os.environ.get("POSTEL_TEST_SEED", 20261122))
URLS = 50_000

# IPv6 forms that contain an IPv4 address `x`: for a translator, a tunnel or an old library.
EMBEDDINGS = {
    "compatible": lambda x, noise: x,
    "mapped": lambda x, noise: 0xFFFF << 32 | x,
    "SIIT": lambda x, noise: 0xFFFF << 48 | x,
    "ISATAP": lambda x, noise: 0x5EFE << 32 | x,
    "NAT64": lambda x, noise: 0x0064FF9B << 96 | x,
    "local NAT64": lambda x, noise: 0x0064FF9B0001 << 80 | (noise & ((1 << 48) - 1)) << 32 | x,
    "6to4": lambda x, noise: 0x2002 << 112 | x << 80 | noise & ((1 << 80) - 1),
    # RFC 4380: the server's address, then the client's with every bit inverted.
    "Teredo": lambda x, noise: 0x20010000 << 96 | (noise & ((1 << 64) - 1)) << 32 | x ^ 0xFFFFFFFF,
}


def rows() -> list[dict]:
    return TABLE["rows"]


# Where to test closely: the registries' blocks, and those of the fixture's table, so that a block
# which only one of them has is tested.
TABLE = json.loads((FIXTURES / "ssrf_urls.json").read_text())
BLOCKS = {
    family: sorted({*family.networks, *(ip_network(row["cidr"]) for row in TABLE[name])})
    for family, name in ((registry.V4, "deny_ipv4"), (registry.V6, "deny_ipv6"))
}


def edges(family: registry.Registry) -> list[int]:
    """Both ends of every block, and their neighbours."""
    ends = [int(end) + step for net in BLOCKS[family] for end in (net[0], net[-1]) for step in (-2, -1, 0, 1, 2)]
    return [address for address in ends if 0 <= address < 1 << family.bits]


def near(chance: random.Random, family: registry.Registry) -> int:
    """An address within a block, anywhere or among its first or last: uniform numbers would
    never hit most blocks."""
    net = chance.choice(BLOCKS[family])
    free = family.bits - net.prefixlen
    offset = chance.getrandbits(free) if free else 0
    if chance.random() < 0.3:
        offset = min(chance.getrandbits(8), (1 << free) - 1)
    return int(net[-1]) - offset if chance.random() < 0.3 else int(net[0]) + offset


def population(count: int, chance: random.Random) -> list[tuple[str, int, int]]:
    """Kind, version and address."""
    found = [("edge", 4, address) for address in edges(registry.V4)] + [("edge", 6, address) for address in edges(registry.V6)]
    forms = list(EMBEDDINGS.items())
    for number in range(count - len(found)):
        match number % 6:
            case 0:
                found.append(("any", 4, chance.getrandbits(32)))
            case 1:
                found.append(("near", 4, near(chance, registry.V4)))
            case 2:
                found.append(("any", 6, chance.getrandbits(128)))
            case 3:
                found.append(("unicast", 6, 1 << 125 | chance.getrandbits(125)))
            case 4:
                found.append(("near", 6, near(chance, registry.V6)))
            case _:
                name, embed = forms[number // 6 % len(forms)]
                inner = chance.getrandbits(32) if chance.random() < 0.5 else near(chance, registry.V4)
                found.append((name, 6, embed(inner, chance.getrandbits(80))))
    return found


def test_a_million_addresses_get_the_registries_verdict() -> None:
    addresses = population(COUNT, random.Random(SEED))
    # Hex digits: formatting a million addresses would take longer than all the rest.
    said = verdicts(f"{address:08x}" if version == 4 else f"{address:032x}" for _, version, address in addresses)
    outside = [(registry.V4 if version == 4 else registry.V6).is_outside(address) for _, version, address in addresses]
    wrong = [
        (kind, str((IPv4Address if version == 4 else IPv6Address)(address)), code)
        for (kind, version, address), code, open_ in zip(addresses, said, outside, strict=True)
        if (code == "ok") != open_
    ]
    assert not wrong, f"{len(wrong)} of {len(addresses)} differ: {wrong[:10]}"
    carried = {code for (kind, _, _), code in zip(addresses, said) if kind in EMBEDDINGS and kind != "Teredo"}
    assert carried <= {"embeds_v4", "loopback_v6", "metadata_v6", "unspecified"}, carried
    kinds = Counter(kind for kind, _, _ in addresses)
    print(f"\n{len(addresses)} addresses ({sum(outside)} outside), 0 differences; {dict(kinds)}; reasons: {dict(sorted(Counter(said).items(), key=lambda item: -item[1]))}")


def test_a_url_gets_the_verdict_of_its_address() -> None:
    addresses = population(URLS, random.Random(SEED + 1))
    texts = [str(IPv4Address(address)) if version == 4 else f"[{IPv6Address(address)}]" for _, version, address in addresses]
    said = verdicts(f"https://{text}/hook" for text in texts)
    outside = [registry.is_outside(text.strip("[]")) for text in texts]
    wrong = [(text, code) for text, code, open_ in zip(texts, said, outside, strict=True) if (code == "ok") != open_]
    assert not wrong, f"{len(wrong)} of {len(texts)} differ: {wrong[:10]}"


def number_in(row: dict) -> str | None:
    """The address in a row's URL, as the C library reads it, which also knows octal, hexadecimal
    and short forms."""
    written = re.match(r"https?://([^/?#]*?)(:\d+)?([/?#]|$)", row["url"])
    host = written[1] if written else ""
    try:
        if host.startswith("["):
            return str(ip_address(socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host.strip("[]")))))
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def test_every_number_in_the_published_table_gets_the_registries_verdict() -> None:
    numbered = [(row, number) for row in rows() if (number := number_in(row)) and row["verdict"] in ("reject", "allow")]
    # A port or a scheme is a separate reason.
    judged = [(row, number) for row, number in numbered if row.get("reason") not in ("port_denied", "scheme", "http_not_allowed")]
    said = verdicts(row["url"] for row, _ in judged)
    for (row, number), code in zip(judged, said, strict=True):
        assert (code == "ok") == registry.is_outside(number) == (row["verdict"] == "allow"), (row, number, code)
    print(f"\n{len(judged)} URLs with numbers agree")
    assert len(judged) >= 60


def test_every_answer_of_a_name_in_the_published_table_gets_the_registries_verdict() -> None:
    answers = {address for row in rows() for answer in row.get("dns", []) for address in answer}
    said = dict(zip(sorted(answers), verdicts(ip_address(address).packed.hex() for address in sorted(answers)), strict=True))
    assert {address: code == "ok" for address, code in said.items()} == {address: registry.is_outside(address) for address in answers}
    assert len(answers) >= 8


@pytest.mark.parametrize(("address", "outside"), [("8.8.8.8", True), ("192.31.196.1", True), ("192.0.0.9", False), ("2606:4700::1", True), ("4000::", False)])
def test_the_registries_are_read_as_they_are_meant(address: str, outside: bool) -> None:
    assert registry.is_outside(address) is outside
