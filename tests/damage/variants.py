"""What can happen to a capture, packet by packet: each variant is the same traffic, seen worse."""

import random
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Variant:
    kind: str
    name: str
    packets: tuple

    def numbers(self):
        """Packet numbers of the whole capture, by those of the variant."""
        return [0] + [p.number for p in self.packets]


KINDS = ('start', 'end', 'drop', 'swap', 'drop-two', 'every', 'snaplen', 'one-way')


def _start(packets):
    for i in range(1, len(packets)):
        yield f'from {packets[i].number}', packets[i:]


def _end(packets):
    """What is said of a capture's beginning must stand when the rest is there, too."""
    for i in range(1, len(packets)):
        yield f'up to {packets[i - 1].number}', packets[:i]


def _drop(packets):
    for i, p in enumerate(packets):
        yield f'without {p.number}', packets[:i] + packets[i + 1:]


def _swap(packets):
    for i in range(len(packets) - 1):
        yield f'{packets[i + 1].number} before {packets[i].number}', \
            packets[:i] + (packets[i + 1], packets[i]) + packets[i + 2:]


def _drop_two(packets):
    draw = random.Random(len(packets))
    for _ in range(len(packets)):
        gone = set(draw.sample(range(len(packets)), min(2, len(packets))))
        yield 'without ' + ' and '.join(str(packets[i].number) for i in sorted(gone)), \
            tuple(p for i, p in enumerate(packets) if i not in gone)


def _every(packets):
    for k in (2, 3, 4, 5, 7, 11, 13):
        for first in range(k):
            yield f'without every {k}th, from {first + 1}', \
                tuple(p for i, p in enumerate(packets) if i % k != first)


def _snaplen(packets):
    for size in (96, 128, 200):
        yield f'cut to {size}', tuple(replace(p, octets=p.octets[:size]) for p in packets)


def _one_way(packets):
    """One direction of all connections: towards their servers, or away from them."""
    asked = set()
    for p in packets:
        if p.tcp and (p.tcp.dst, p.tcp.src) not in asked:
            asked.add((p.tcp.src, p.tcp.dst))
    for name, forward in (('to servers', True), ('to clients', False)):
        yield name, tuple(p for p in packets if not p.tcp or ((p.tcp.src, p.tcp.dst) in asked) == forward)


MAKERS = dict(zip(KINDS, (_start, _end, _drop, _swap, _drop_two, _every, _snaplen, _one_way)))


def variants(capture, kinds=KINDS, at_most=None):
    """All variants of the kinds; at_most: of each kind no more than so many, spread evenly."""
    for kind in kinds:
        all_of = list(MAKERS[kind](capture.packets))
        step = 1 if at_most is None else max(1, -(-len(all_of) // at_most))
        for name, packets in all_of[::step]:
            yield Variant(kind, name, tuple(packets))
