"""The fault plan, by the numbers of its table."""
import collections

from . import disk, inputs, kills, models, owners, peers, reference, signals, soak
from .suite import Suite

Plan = collections.namedtuple("Plan", "what run always")

PLANS = {
    "F0": Plan("the suite: whether it finds what a disk without syncs loses", disk.f0, True),
    "F1": Plan("killed before, behind and inside a call on the store", kills.f1, True),
    "F2": Plan("killed at the borders of super-steps and tasks", kills.f2, True),
    "F3": Plan("killed at any instant", kills.f3, True),
    "F4": Plan("killed again and again", kills.f4, True),
    "F5": Plan("the power goes", disk.f5, True),
    "F6": Plan("calls fail: disk full, broken, read-only, no descriptors", disk.f6, True),
    "F7": Plan("a disk that is really full", disk.f7, True),
    "F8": Plan("writes that are lost without a word", disk.f8, True),
    "F9": Plan("several runners of one thread", owners.f9, True),
    "F10": Plan("an owner that is frozen", owners.f10, True),
    "F11": Plan("four processes in one store", owners.f11, True),
    "F12": Plan("a reader that holds on", owners.f12, True),
    "F13": Plan("a clock that jumps", owners.f13, True),
    "F14": Plan("a damaged store", inputs.f14, True),
    "F15": Plan("graph files that are nonsense (25 a point)", inputs.f15, True),
    "F16": Plan("MCP servers that misbehave", peers.f16, True),
    "F17": Plan("models that misbehave", models.f17, True),
    "F18": Plan("steps that misbehave", peers.f18, True),
    "F19": Plan("signals, and a reader that goes away", signals.f19, True),
    "F21": Plan("killed while a store is made", kills.f21, True),
    "F22": Plan("random graphs, beside LangGraph (GRAPHRUN_LANGGRAPH)", reference.f22, True),
    "F23": Plan("hours of all of it (--minutes)", soak.f23, False),
}
