"""Passes packets from one network card to the other and back, each some milliseconds after it came.

    python3 delay.py CARD CARD MILLISECONDS

For kernels without netem. Packets keep the kernel's word on their checksums and segments (PACKET_VNET_HDR), as they go
between virtual cards unfinished.
"""

import select
import socket
import sys
import time
from collections import deque

ALL_PROTOCOLS = 0x0003
SOL_PACKET, PACKET_VNET_HDR = 263, 15
OUTGOING = 4
LARGEST = 1 << 17


def opened(card):
    own = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    own.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
    own.bind((card, 0))
    own.setblocking(False)
    return own


def main(one, other, milliseconds):
    delay = float(milliseconds) / 1000
    sides = [opened(one), opened(other)]
    waiting = deque()
    print("ready", flush=True)
    while True:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select(sides, [], [], rest)
        for side in readable:
            while True:
                try:
                    packet, address = side.recvfrom(LARGEST)
                except BlockingIOError:
                    break
                if address[2] != OUTGOING:
                    target = sides[1 - sides.index(side)]
                    waiting.append((time.monotonic() + delay, target, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, target, packet = waiting.popleft()
            try:
                target.send(packet)
            except OSError:
                pass  # lost, as packets are: TCP sends it again


main(*sys.argv[1:])
