"""A separate network for a process and all that it starts: nothing in it can reach the outside,
and every packet is seen.

Uses Linux network namespaces, as root or as a user where the kernel allows it. The namespace has
only loopback, and every address of IPv4 and IPv6 is local to it: a connection to anywhere ends
in the namespace's own loopback device, which is monitored.
"""

import ctypes
import os
import socket
import struct
import threading
from typing import Callable

NEWUSER, NEWNET = 0x10000000, 0x40000000  # <linux/sched.h>
LOOPBACK_INDEX = 1  # lo is the first device of every namespace
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD


def enter() -> None:
    """Moves this process out of the machine's network. Call it before any thread starts. OSError
    if that is not possible."""
    user, group = os.getuid(), os.getgid()
    if not hasattr(ctypes.CDLL(None), "unshare"):
        raise OSError("this system has no network namespaces")
    if _unshare(NEWNET) != 0:
        if _unshare(NEWUSER | NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "network namespaces are not allowed here")
        # user_namespaces(7): without the first line the group may not be mapped.
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _raise_loopback()
    for family in (socket.AF_INET, socket.AF_INET6):
        _make_everything_local(family)


def _unshare(flags: int) -> int:
    return ctypes.CDLL(None, use_errno=True).unshare(flags)


def _raise_loopback() -> None:
    """netdevice(7): SIOCSIFFLAGS with IFF_UP."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


def _make_everything_local(family: int) -> None:
    """rtnetlink(7), the same as `ip route add local default dev lo`."""
    create, ack, acked = 0x400, 0x4, 2  # NLM_F_CREATE, NLM_F_ACK, NLMSG_ERROR
    local_table, static, host, local = 255, 4, 254, 2  # RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL
    route = struct.pack("BBBBBBBBI", family, 0, 0, 0, local_table, static, host, local, 0) + struct.pack("HHI", 8, 4, LOOPBACK_INDEX)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(struct.pack("IHHII", 16 + len(route), 24, 1 | create | ack, 1, 0) + route)
        answer = netlink.recv(4096)
    kind, error = struct.unpack_from("H", answer, 4)[0], struct.unpack_from("i", answer, 16)[0]
    if kind != acked or error != 0:
        raise OSError(-error, "the namespace's route was not made")


def watch(tell: Callable[[dict], None]) -> None:
    """Reports every connection opened in the namespace and every datagram: {"proto", "to",
    "port"}, in a separate thread."""
    listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    listening.bind(("lo", ETH_P_ALL))

    def run() -> None:
        while True:
            packet, (_, kind, direction, *_rest) = listening.recvfrom(65536)
            # Loopback shows each packet twice, going out and coming in.
            if direction == socket.PACKET_OUTGOING and (seen := _opening(kind, packet)):
                tell(seen)

    threading.Thread(target=run, daemon=True).start()


def _opening(kind: int, packet: bytes) -> dict | None:
    if kind == ETH_P_IP:
        header, protocol, to = (packet[0] & 15) * 4, packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
    elif kind == ETH_P_IPV6:
        header, protocol, to = 40, packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
    else:
        return {"proto": f"ethertype {kind:#06x}", "to": "", "port": 0}
    port = struct.unpack_from("!H", packet, header + 2)[0] if len(packet) >= header + 4 else 0
    if protocol == socket.IPPROTO_TCP:
        # SYN without ACK: a new connection.
        return {"proto": "tcp", "to": to, "port": port} if packet[header + 13] & 0x12 == 0x02 else None
    if protocol == socket.IPPROTO_UDP:
        return {"proto": "udp", "to": to, "port": port}
    # ICMP refers to packets that are already counted.
    return None
