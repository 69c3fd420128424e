"""Every error that Council raises on purpose.

CouncilError
├── InvalidRequestError          the caller sent something that cannot be answered as it is
│   ├── MalformedBodyError           not JSON, not UTF-8, or of the wrong types
│   ├── BodyTooLargeError            over `gateway.body_bytes_max`
│   ├── RequestTimeoutError          the rest of the body did not come in time
│   ├── MethodNotAllowedError        the path exists, with other methods
│   ├── UnsupportedParameterError    a known parameter that this version refuses instead of ignoring
│   ├── ContextTooLongError          more tokens than the model's context holds
│   ├── ModelNotFoundError           no model of that name
│   ├── PatchRefusedError            a patch may not be applied; `reason` says why
│   └── ReleaseRefusedError          a release is not what was released; `reason` says why
├── UnauthenticatedError         no token where one is needed, or one that is not ours
├── ForbiddenError               a token without the right, or a Host or Origin that is not allowed
├── NotFoundError                no such thing
├── ConflictError                what is there already, or has changed since, is in the way
├── RateLimitedError             too many requests from one token
├── BudgetError                  a paid call would go over a budget, or nobody said what it costs
├── UnspentError                 a paid call is not made, since a trial spends nothing
├── OverloadedError              a queue is full
│   └── ShedError                    an override has requests like this one refused for a while
├── UnavailableError             a part that the request needs is away; a later try may succeed
│   ├── ModelUnavailableError        the model is loading, restarting or missing
│   │   └── ProviderError                a provider's server failed, is away, or is being left alone
│   ├── RecordsUnavailableError      the records cannot be read or written
│   ├── StoreUnavailableError        the store cannot be reached
│   ├── ComputeUnavailableError      the worker cannot be reached
│   ├── RecallUnavailableError       recall cannot be reached
│   ├── SandboxUnavailableError      there is no sandbox to run code in, or it lacks a layer that it must have
│   │   └── SandboxStoppedError          the kill switch is thrown
│   ├── NotifyError                  a notice could not be delivered
│   ├── ScrapeError                  a service did not tell its metrics
│   ├── SamplesError                 the watcher's samples cannot be read or written
│   ├── WatcherUnavailableError      the watcher cannot be reached
│   ├── PatchServiceUnavailableError patchctl cannot be reached
│   ├── NoRoomError                  there is no memory to run a service beside the one that serves
│   ├── NoRoomAtAllError             nor would there be if that one had stopped
│   ├── InstallError                 a release that a generation pins cannot be installed
│   ├── BackupUnavailableError       the place for snapshots cannot be reached
│   └── SupervisorUnavailableError   nothing answers on the supervisor's socket
├── ComputeLimitError            a computation met its time or memory limit
├── ForgeError                   the forge did not do what it was asked
│   ├── ForgeNotFoundError           no such commit, branch, file or pull request
│   ├── ForgeMovedError              a branch or pull request has moved on since it was looked at
│   ├── ForgeConflictError           a pull request cannot be merged as it stands
│   ├── ForgeForbiddenError          the account or token may not do it
│   └── ForgeUnavailableError        the forge cannot be reached or does not answer sensibly
│       └── ForgeLimitedError            it asks to be left alone for `retry_after_s`
├── BackupError                  a backup cannot be made, read or restored; `reason` says why
├── ConfigError                  a config key or value that cannot be used
├── BlueprintError               the blueprint cannot be read or written
│   ├── JournalError                 the journal of patches is damaged
│   └── StagingError                 a new generation cannot be made of a patch
└── SetupError                   something that set-up must provide is missing or damaged

`code` is stable and may be relied on by clients; `message` is for the user and ends with what to do next; `detail` is for
the operator's log and never reaches a client. `reason` is a stable word where one code has many. One table in
`gateway/errors.py` maps codes to HTTP, one in `cli/main.py` maps classes to exit status.
"""

from collections.abc import Mapping


class CouncilError(Exception):
    """Root of the tree."""

    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        detail: str = "",
        parameter: str | None = None,
        retry_after_s: int | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.detail = detail
        self.parameter = parameter
        self.retry_after_s = retry_after_s


class InvalidRequestError(CouncilError):
    """The caller sent something that cannot be answered as it is."""

    code = "invalid_request"


class MalformedBodyError(InvalidRequestError):
    """Not JSON, not UTF-8, or of the wrong types."""

    code = "malformed_body"


class BodyTooLargeError(InvalidRequestError):
    """Over the size limit."""

    code = "body_too_large"


class RequestTimeoutError(InvalidRequestError):
    """The rest of the body did not come in time."""

    code = "request_timeout"


class MethodNotAllowedError(InvalidRequestError):
    """The path exists, with other methods."""

    code = "method_not_allowed"


class UnsupportedParameterError(InvalidRequestError):
    """A known parameter that this version refuses instead of ignoring."""

    code = "unsupported_parameter"


class ContextTooLongError(InvalidRequestError):
    """More tokens than the model's context holds."""

    code = "context_length_exceeded"


class ModelNotFoundError(InvalidRequestError):
    """No model of that name."""

    code = "model_not_found"


class PatchRefusedError(InvalidRequestError):
    """A patch may not be applied; `reason` says why. It is one of the stable words of `patches.Reason`."""

    code = "patch_refused"


class ReleaseRefusedError(InvalidRequestError):
    """A release is not what was released. `reason` is stable: a member of `releases.folder.Reason`."""

    code = "release_refused"


class UnauthenticatedError(CouncilError):
    """No token where one is needed, or one that is not ours."""

    code = "invalid_api_key"


class ForbiddenError(CouncilError):
    """A token without the right, or a Host or Origin that is not allowed."""

    code = "forbidden"


class NotFoundError(CouncilError):
    """No such thing."""

    code = "not_found"


class ConflictError(CouncilError):
    """What is there already, or has changed since, is in the way."""

    code = "conflict"


class RateLimitedError(CouncilError):
    """Too many requests from one token."""

    code = "rate_limit_exceeded"

    # The permits of a minute, and after which time all of them are there again; 0 where nobody said.
    limit = 0
    full_after_s = 0.0


class BudgetError(CouncilError):
    """A paid call would go over a budget, or nobody said what it costs."""

    code = "budget_exceeded"


class UnspentError(CouncilError):
    """A paid call is not made, since a trial spends nothing."""

    code = "not_spent"

    # What would have been held for the call.
    usd_micros = 0


class OverloadedError(CouncilError):
    """A queue is full."""

    code = "overloaded"


class ShedError(OverloadedError):
    """An override has requests like this one refused for a while."""

    code = "shed"


class UnavailableError(CouncilError):
    """A part that the request needs is away; a later try may succeed."""

    code = "unavailable"


class ModelUnavailableError(UnavailableError):
    """The model is loading, restarting or missing.

    `retryable`: another try, here or elsewhere, may succeed. `begun`: an answer had begun, so it may have cost something.
    `wait_s`: how long the server asked to be left alone. `faulty`: it counts against the deployment. `lasting`: asking the
    same server again cannot help.
    """

    code = "model_unavailable"

    def __init__(
        self,
        message: str,
        *,
        detail: str = "",
        parameter: str | None = None,
        retry_after_s: int | None = None,
        retryable: bool = False,
        begun: bool = False,
        wait_s: float | None = None,
        faulty: bool = False,
        lasting: bool = False,
    ):
        super().__init__(message, detail=detail, parameter=parameter, retry_after_s=retry_after_s)
        self.retryable = retryable
        self.begun = begun
        self.wait_s = wait_s
        self.faulty = faulty
        self.lasting = lasting


class ProviderError(ModelUnavailableError):
    """A provider's server failed, is away, or is being left alone."""

    code = "provider_error"


class RecordsUnavailableError(UnavailableError):
    """The records cannot be read or written."""

    code = "records_unavailable"


class StoreUnavailableError(UnavailableError):
    """The store cannot be reached."""

    code = "store_unavailable"


class ComputeUnavailableError(UnavailableError):
    """The worker cannot be reached."""

    code = "compute_unavailable"


class RecallUnavailableError(UnavailableError):
    """Recall cannot be reached."""

    code = "recall_unavailable"


class SandboxUnavailableError(UnavailableError):
    """There is no sandbox to run code in, or it lacks a layer that it must have."""

    code = "sandbox_unavailable"


class SandboxStoppedError(SandboxUnavailableError):
    """The kill switch is thrown."""

    code = "sandbox_stopped"


class NotifyError(UnavailableError):
    """A notice could not be delivered."""

    code = "notify_failed"


class ScrapeError(UnavailableError):
    """A service did not tell its metrics."""

    code = "scrape_failed"


class SamplesError(UnavailableError):
    """The watcher's samples cannot be read or written."""

    code = "samples_unavailable"


class WatcherUnavailableError(UnavailableError):
    """The watcher cannot be reached."""

    code = "watcher_unavailable"


class PatchServiceUnavailableError(UnavailableError):
    """What takes patches in does not answer."""

    code = "patchctl_unavailable"


class NoRoomError(UnavailableError):
    """There is no memory to run a service beside the one that serves."""

    code = "no_room"


class NoRoomAtAllError(UnavailableError):
    """There would be no memory to run a service even if the one that serves had stopped."""

    code = "no_room_at_all"


class InstallError(UnavailableError):
    """A release that a generation pins is refused, or cannot be installed."""

    code = "not_installed"


class BackupUnavailableError(UnavailableError):
    """The place for snapshots cannot be reached, or does not let us in."""

    code = "backup_target_unavailable"


class SupervisorUnavailableError(UnavailableError):
    """Nothing answers on the supervisor's socket."""

    code = "not_running"


class ComputeLimitError(CouncilError):
    """A computation met its time or memory limit."""

    code = "compute_limit"


class ForgeError(CouncilError):
    """The forge did not do what it was asked."""

    code = "forge_refused"


class ForgeNotFoundError(ForgeError):
    """No such commit, branch, file or pull request."""

    code = "forge_not_found"


class ForgeMovedError(ForgeError):
    """A branch or pull request has moved on since it was looked at. Nothing was changed: look again."""

    code = "forge_moved"


class ForgeConflictError(ForgeError):
    """A pull request cannot be merged as it stands: main has changed the same, or a rule of the forge is in its way."""

    code = "forge_conflict"


class ForgeForbiddenError(ForgeError):
    """The account or token may not do it."""

    code = "forge_forbidden"


class ForgeUnavailableError(ForgeError):
    """The forge cannot be reached or does not answer sensibly. Whether it was done, nobody knows: ask again."""

    code = "forge_unavailable"


class ForgeLimitedError(ForgeUnavailableError):
    """It asks to be left alone for `retry_after_s`. Nothing was changed."""

    code = "forge_limited"


class BackupError(CouncilError):
    """A backup cannot be made, read or restored. `reason` is stable: a member of `backup.Reason`."""

    code = "backup_failed"


class ConfigError(CouncilError):
    """A config key or value that cannot be used."""

    code = "config_invalid"


class BlueprintError(CouncilError):
    """The blueprint cannot be read or written."""

    code = "blueprint_invalid"


class JournalError(BlueprintError):
    """The journal of patches is damaged; nothing is applied until a person has looked."""

    code = "journal_damaged"


class StagingError(BlueprintError):
    """A new generation cannot be made of a patch. `reason` is stable: a member of `upkeep.engine.changes.Reason`."""

    code = "staging_failed"


class SetupError(CouncilError):
    """Something that set-up must provide is missing or damaged."""

    code = "setup_incomplete"


def _tree(root: type[CouncilError]) -> list[type[CouncilError]]:
    return [root, *(deeper for child in root.__subclasses__() for deeper in _tree(child))]


# For whoever reads an error of ours that another process told.
BY_CODE: Mapping[str, type[CouncilError]] = {kind.code: kind for kind in _tree(CouncilError)}
