"""Every error that a user can meet. The message says what was found, what was expected, and the cure.

GarnerError
├── ConfigError            a setting is unknown, of the wrong type, out of range or contradicts another
├── InputError             a file or row that the user (or an earlier stage) gave cannot be used
│   ├── ClassifierError    the folder of an exported classifier is not whole, or not of one export
│   └── ShardError         a shard or its index is damaged, truncated or of another version
├── DiskFullError          no space is left where a file was to be written
├── StateLockedError       another process works on the same progress
├── Interrupted            stopped on request, with progress saved (exit code 75: try again)
├── TrainingError          training cannot go on (for example a loss that is no number)
├── ExportError            the exported model does not agree with the trained one
├── SchedulerError         the batch scheduler refuses a job for good
├── UnreachableError       the batch scheduler does not answer; asking again may help
├── GitError               git failed on a repository; carries a reason
└── ApiError               a request failed for good
    ├── GoneError          404, 410, 451: the item is not there (any more)
    ├── ForbiddenError     403: not for these credentials
    ├── CredentialsError   401, or a token file that cannot be used
    ├── BlockedError       turned away: a login page, a challenge, pauses without end (exit code 75)
    ├── QuotaError         the quota is used up and `on_quota: stop` was asked for (exit code 75)
    ├── MalformedError     the answer is not what the API describes
    └── TransientError     5xx, resets and time-outs outlasted every retry
"""

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, run the same command again.


class GarnerError(Exception):
    """Base of all errors that are meant for the user's eyes; `exit_code` is the job's.

    `passing` is true where the same job may do better a little later, with nothing changed.
    """

    exit_code = 1
    passing = False


class ConfigError(GarnerError):
    pass


class InputError(GarnerError):
    pass


class ClassifierError(InputError):
    pass


class ShardError(InputError):
    pass


class DiskFullError(GarnerError):
    pass


class StateLockedError(GarnerError):
    passing = True


class Interrupted(GarnerError):
    exit_code = TRY_AGAIN
    passing = True


class TrainingError(GarnerError):
    pass


class ExportError(GarnerError):
    pass


class SchedulerError(GarnerError):
    pass


class UnreachableError(GarnerError):
    exit_code = TRY_AGAIN


class GitError(GarnerError):
    """`reason` is one word for the table of failures; `retry` tells whether a later run can help."""

    def __init__(self, message: str, reason: str, retry: bool):
        super().__init__(message)
        self.reason = reason
        self.retry = retry


class ApiError(GarnerError):
    """`reason` is one word for the table of failures."""

    reason = "error"


class GoneError(ApiError):
    reason = "gone"


class ForbiddenError(ApiError):
    reason = "forbidden"


class CredentialsError(ApiError):
    reason = "credentials"


class QuotaError(ApiError):
    reason = "quota"
    exit_code = TRY_AGAIN


class BlockedError(ApiError):
    reason = "blocked"
    exit_code = TRY_AGAIN


class MalformedError(ApiError):
    reason = "malformed"


class TransientError(ApiError):
    reason = "transient"
    passing = True
