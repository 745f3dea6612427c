"""Frames of the loopback interface, captured as a wire-tapper would, and the byte streams in them. Needs CAP_NET_RAW (root)."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable

_ALL, _OUTGOING, _SOL_PACKET, _STATISTICS = 3, 4, 263, 6
_BUFFER = 256 << 20
_SO_RCVBUFFORCE = 33
Flow = tuple[int, int]
"""Source and destination port."""


class Capture:
    """Captures from its making to `stop`."""

    def __init__(self) -> None:
        """Open the interface.

        Raises:
            PermissionError: this process may not.
        """
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._frames: list[bytes] = []
        self._going = True
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End the capture; how many frames the kernel had to drop."""
        self._going = False
        self._thread.join()
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        self._socket.close()
        return dropped

    def streams(self, ports: Iterable[int]) -> dict[Flow, bytes]:
        """What went over TCP from or to `ports`, each direction of each connection in the order of its bytes."""
        wanted = set(ports)
        flows: dict[Flow, dict[int, bytes]] = defaultdict(dict)
        for frame in self._frames:
            found = _segment(frame)
            if found is not None and wanted & set(found[0]):
                flow, sequence, payload = found
                flows[flow][sequence] = max(flows[flow].get(sequence, b""), payload, key=len)
        return {flow: b"".join(pieces[at] for at in sorted(pieces)) for flow, pieces in flows.items()}

    def _work(self) -> None:
        while self._going:
            try:
                frame, address = self._socket.recvfrom(1 << 17)
            except TimeoutError:
                continue
            if address[2] != _OUTGOING:  # on this interface every frame goes out and comes in
                self._frames.append(frame)


def _segment(frame: bytes) -> tuple[Flow, int, bytes] | None:
    """Ports, sequence number and payload of a TCP segment with data, over IPv4 or IPv6."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
        start, end = 14 + (frame[14] & 15) * 4, 14 + int.from_bytes(frame[16:18], "big")
    elif kind == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
        start, end = 54, 54 + int.from_bytes(frame[18:20], "big")
    else:
        return None
    source, target, sequence = struct.unpack("!HHI", frame[start : start + 8])
    payload = frame[start + (frame[start + 12] >> 4) * 4 : max(end, start) if end > start else len(frame)]
    return ((source, target), sequence, payload) if payload else None
