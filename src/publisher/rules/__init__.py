"""Stage 2, JUDGE: what the law in force on a day lets the public see of a record. Pure: no clock, no I/O.

Only ``shipped`` reads: the profiles and calendars that come with the publisher, or an operator's own by path.
"""

from publisher.rules.facts import Facts, Hold, facts_of
from publisher.rules.judge import judge, why_before_rules
from publisher.rules.profile import Profile
from publisher.rules.shipped import load_profile, load_workdays, profile_names
from publisher.rules.workdays import Workdays

__all__ = [
    "Facts",
    "Hold",
    "Profile",
    "Workdays",
    "facts_of",
    "judge",
    "load_profile",
    "load_workdays",
    "profile_names",
    "why_before_rules",
]
