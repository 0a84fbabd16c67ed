"""Going round what the API always fails to answer: a user or repository whose query times out for ever, say.

Only a healthy API may be gone round, or an outage would be taken for the fault of every user in turn. So
after a failure a question that costs next to nothing is asked, as patiently as any, and then the one that
failed once more; where that fails again, it is recorded, and a later run tries again.
"""

from collections.abc import Callable

from garner.errors import MalformedError, TransientError
from garner.logs import log
from garner.sources.github_records import Page

ATTEMPTS_ALONE = 5  # with the default waits, 8 seconds on average
CHANCES = 2


def answered(ask: Callable[[int], list[dict]], check_health: Callable[[], None], page: Page) -> list[dict]:
    """What `ask(attempts)` returns; a record of the failure of `page` where the API works, but not for it.

    Raises what `ask` does for any other failure, and where `check_health`, which asks the API too, fails.
    """
    for _ in range(CHANCES):
        try:
            return ask(ATTEMPTS_ALONE)
        except (TransientError, MalformedError) as error:
            failure = error
        try:
            check_health()
        except (TransientError, MalformedError):
            raise failure from None
    log.warning("going round the %s of %s, to be tried again by a later run: %s", page.kind, page.of, failure)
    return [{page.subject: page.of, "status": failure.reason, "detail": str(failure)[:300]}]
