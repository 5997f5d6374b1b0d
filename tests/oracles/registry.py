"""Which addresses are public according to the registries, to check the guard in
`test_addresses.py`.

Independent of functions/domain/src/guard/ip.rs in source, language and method. That file lists
what to deny, as patterns over octets. This one has IANA's special-purpose address registries as
published, including what is globally reachable, and IANA's IPv6 address space; a verdict is that
of the most specific entry, looked up in a table of all points where the verdict may change. What
Postel denies beyond IANA is listed separately, each with its reason: nothing else may differ.
"""

from bisect import bisect_right
from ipaddress import ip_address, ip_network

# IANA IPv4 Special-Purpose Address Registry: block, name, globally reachable. "N/A" (deprecated) in
# IANA's table is False here.
IPV4 = [
    ("0.0.0.0/8", "This network", False),
    ("0.0.0.0/32", "This host on this network", False),
    ("10.0.0.0/8", "Private-Use", False),
    ("100.64.0.0/10", "Shared Address Space", False),
    ("127.0.0.0/8", "Loopback", False),
    ("169.254.0.0/16", "Link Local", False),
    ("172.16.0.0/12", "Private-Use", False),
    ("192.0.0.0/24", "IETF Protocol Assignments", False),
    ("192.0.0.0/29", "IPv4 Service Continuity Prefix", False),
    ("192.0.0.8/32", "IPv4 dummy address", False),
    ("192.0.0.9/32", "Port Control Protocol Anycast", True),
    ("192.0.0.10/32", "Traversal Using Relays around NAT Anycast", True),
    ("192.0.0.170/32", "NAT64/DNS64 Discovery", False),
    ("192.0.0.171/32", "NAT64/DNS64 Discovery", False),
    ("192.0.2.0/24", "Documentation (TEST-NET-1)", False),
    ("192.31.196.0/24", "AS112-v4", True),
    ("192.52.193.0/24", "AMT", True),
    ("192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", False),
    ("192.88.99.2/32", "6a44-relay anycast address", False),
    ("192.168.0.0/16", "Private-Use", False),
    ("192.175.48.0/24", "Direct Delegation AS112 Service", True),
    ("198.18.0.0/15", "Benchmarking", False),
    ("198.51.100.0/24", "Documentation (TEST-NET-2)", False),
    ("203.0.113.0/24", "Documentation (TEST-NET-3)", False),
    ("240.0.0.0/4", "Reserved", False),
    ("255.255.255.255/32", "Limited Broadcast", False),
    # IANA IPv4 Address Space Registry: multicast is not a destination of a connection.
    ("224.0.0.0/4", "Multicast", False),
]

# IANA IPv6 Special-Purpose Address Registry.
IPV6 = [
    ("::1/128", "Loopback Address", False),
    ("::/128", "Unspecified Address", False),
    ("::ffff:0:0/96", "IPv4-mapped Address", False),
    ("64:ff9b::/96", "IPv4-IPv6 Translat.", True),
    ("64:ff9b:1::/48", "IPv4-IPv6 Translat.", False),
    ("100::/64", "Discard-Only Address Block", False),
    ("100:0:0:1::/64", "Dummy IPv6 Prefix", False),
    ("2001::/23", "IETF Protocol Assignments", False),
    ("2001::/32", "TEREDO", False),
    ("2001:1::1/128", "Port Control Protocol Anycast", True),
    ("2001:1::2/128", "Traversal Using Relays around NAT Anycast", True),
    ("2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", True),
    ("2001:2::/48", "Benchmarking", False),
    ("2001:3::/32", "AMT", True),
    ("2001:4:112::/48", "AS112-v6", True),
    ("2001:10::/28", "Deprecated (previously ORCHID)", False),
    ("2001:20::/28", "ORCHIDv2", True),
    ("2001:30::/28", "Drone Remote ID Protocol Entity Tags (DETs) Prefix", True),
    ("2001:db8::/32", "Documentation", False),
    ("2002::/16", "6to4", False),
    ("2620:4f:8000::/48", "Direct Delegation AS112 Service", True),
    ("3fff::/20", "Documentation", False),
    ("5f00::/16", "Segment Routing (SRv6) SIDs", False),
    ("fc00::/7", "Unique-Local", False),
    ("fe80::/10", "Link-Local Unicast", False),
    # IANA Internet Protocol Version 6 Address Space: all unlisted blocks are reserved by the IETF.
    ("::/0", "Reserved by IETF", False),
    ("2000::/3", "Global Unicast", True),
    ("ff00::/8", "Multicast", False),
]

# Reachable according to IANA, denied by Postel.
STRICTER = {
    "192.0.0.9/32": "an anycast of the nearest NAT: inside by its nature",
    "192.0.0.10/32": "the same",
    "168.63.129.16/32": "Azure's WireServer, metadata in public space",
    "64:ff9b::/96": "leads through a translator to an IPv4 address, which may be an inside one",
    "2001:1::1/128": "an anycast of the nearest NAT",
    "2001:1::2/128": "the same",
    "2001:1::3/128": "an anycast of the nearest registrar",
    "2001:3::/32": "protocols' own, no receiver has one: all of 2001::/23 is refused",
    "2001:4:112::/48": "the same",
    "2001:20::/28": "the same: identifiers, no locations",
    "2001:30::/28": "the same",
}


class Registry:
    """The verdicts of one address family."""

    def __init__(self, version: int) -> None:
        rows = [(ip_network(block), reachable) for block, _, reachable in (IPV4 if version == 4 else IPV6)]
        if version == 4:
            rows.append((ip_network("0.0.0.0/0"), True))
        rows += [(net, False) for net in map(ip_network, STRICTER) if net.version == version]
        self.bits = 32 if version == 4 else 128
        self.networks = [net for net, _ in rows]
        # Points where the verdict may change: each block's first address, and the one after its
        # last.
        self._points = sorted({int(net[0]) for net, _ in rows} | {int(net[-1]) + 1 for net, _ in rows} - {1 << self.bits})
        self._open = [self._verdict_at(rows, point) for point in self._points]

    @staticmethod
    def _verdict_at(rows: list, point: int) -> bool:
        holding = [(net.prefixlen, number, reachable) for number, (net, reachable) in enumerate(rows) if int(net[0]) <= point <= int(net[-1])]
        # Of two entries for the same block the later one counts: Postel's own come last.
        return max(holding)[2]

    def is_outside(self, address: int) -> bool:
        return self._open[bisect_right(self._points, address) - 1]


V4, V6 = Registry(4), Registry(6)


def is_outside(text: str) -> bool:
    address = ip_address(text)
    return (V4 if address.version == 4 else V6).is_outside(int(address))
