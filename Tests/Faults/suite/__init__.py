"""The fault plan, by the numbers of its table."""
import collections

from . import disk, kills
from .suite import Suite

Plan = collections.namedtuple("Plan", "what run always")

PLANS = {
    "F1": Plan("killed before, behind and inside a call on the store", kills.f1, True),
    "F2": Plan("killed at the borders of super-steps and tasks", kills.f2, True),
    "F3": Plan("killed at any instant", kills.f3, True),
    "F4": Plan("killed again and again", kills.f4, True),
    "F5": Plan("the power goes", disk.f5, True),
    "F6": Plan("calls fail: disk full, broken, read-only, no descriptors", disk.f6, True),
    "F7": Plan("a disk that is really full", disk.f7, True),
    "F8": Plan("writes that are lost without a word", disk.f8, True),
}
