"""The term of an annual plan."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any


def closed(plan: Mapping[str, Any], day: date) -> date | None:
    """Return the first day after the plan's term, if ``day`` has come to it: tasks not done by then stay unfinished."""
    if plan["complete_by"] is None:
        return None
    after = date.fromisoformat(plan["complete_by"]) + timedelta(days=1)
    return after if day >= after else None
