"""Every bot, one line each. They look in this order where several are due."""

from council.domain import bots
from council.upkeep.bots import author, changes, cost, remediation, security

BOTS: tuple[bots.Bot, ...] = (
    remediation.BOT,
    author.BOT,
    cost.BOT,
    changes.BOT,
    security.BOT,
)


def named(name: str) -> bots.Bot | None:
    """Return the bot of that name."""
    return next((one for one in BOTS if one.name == name), None)
