"""Questions that change nothing, or can be asked again: who asks waits for half a minute.

On the ladder one that cannot be answered now is given one more attempt. After that nobody waits for the answer, and
there is nothing in it that an operator could replay.
"""

from rollcast.errors import Transient
from rollcast.messages import DiagnosisRequested, Message, OverviewRequested, ParkedRequested, Query

QUESTIONS = (Query, OverviewRequested, DiagnosisRequested, ParkedRequested)


def nobody_waits(message: Message, attempt: int, error: Exception) -> bool:
    """Whether a message is such a question, and has waited on the ladder before this attempt, from 0 on."""
    return attempt > 0 and isinstance(error, Transient) and isinstance(message, QUESTIONS)
