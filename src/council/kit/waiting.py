"""Waiting for an event, no longer than so long.

Nothing here uses `asyncio.wait_for`: before Python 3.12 it returns, and forgets that its task was cancelled, where what it
waits for ends in the same moment. Whoever cancels a task and waits for its end would then wait for ever.
"""

import asyncio


async def within(event: asyncio.Event, limit_s: float) -> bool:
    """Return whether the event came within so many seconds."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
