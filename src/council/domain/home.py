"""Where everything lies under one home folder. Paths only; nothing here touches the disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from council.domain import documents, guides


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds one Council's state. `peers` are sockets of services as one of them was told, by name."""

    root: Path
    peers: Mapping[str, Path] = field(default_factory=dict, compare=False)

    @property
    def token_file(self) -> Path:
        """The first admin token, in the clear, mode 0600."""
        return self.root / "token"

    @property
    def secrets(self) -> Path:
        """Keys that never enter the blueprint, mode 0700."""
        return self.root / "secrets"

    @property
    def internal_key_file(self) -> Path:
        """The key with which the gateway speaks to the model process."""
        return self.secrets / "internal.key"

    @property
    def metrics_key_file(self) -> Path:
        """The key that opens the gateway's metrics and nothing else: for the watcher, and for Prometheus."""
        return self.secrets / "metrics.key"

    @property
    def trial_key_file(self) -> Path:
        """The key that marks requests of a trial, which leave nothing behind: for whoever tries a generation."""
        return self.secrets / "trial.key"

    @property
    def patches_key_file(self) -> Path:
        """The key of whoever may have patches rolled back or frozen, and read what became of them."""
        return self.secrets / "patches.key"

    @property
    def steward_key_file(self) -> Path:
        """The key of the steward: it may read what became of patches, take the newest back, and have repairs kept."""
        return self.secrets / "steward.key"

    @property
    def bots_key_file(self) -> Path:
        """The key that bots show to the steward, which opens their pull requests."""
        return self.secrets / "bots.key"

    @property
    def bots_token_file(self) -> Path:
        """A token with which bots ask models, where the gateway wants one; the owner puts it there."""
        return self.secrets / "bots.token"

    @property
    def bot_keys(self) -> Path:
        """One file a bot, with the key that it signs with."""
        return self.secrets / "bots"

    def bot_key_file(self, bot: str) -> Path:
        """The key with which a bot signs: read by the child that signs, and by nobody else."""
        return self.bot_keys / f"{bot}.key"

    @property
    def bots(self) -> Path:
        """Which bots are paused, a file each."""
        return self.root / "bots"

    def bot_pause_file(self, bot: str) -> Path:
        """It is there while the bot is paused."""
        return self.bots / f"{bot}.paused"

    @property
    def reader_key_file(self) -> Path:
        """The key with which what became of patches is read, and nothing else: for the gateway, which shows it."""
        return self.secrets / "reader.key"

    @property
    def forge_token_file(self) -> Path:
        """The token for a forge elsewhere; the owner puts it there."""
        return self.secrets / "forge.token"

    @property
    def forge_accounts(self) -> Path:
        """`ACCOUNT.token` for each account by which bots propose on a forge elsewhere; the owner puts them there."""
        return self.secrets / "forge_accounts"

    @property
    def tracing_headers_file(self) -> Path:
        """What a collector of traces is sent beside them, a token for one; the owner puts it there."""
        return self.secrets / "tracing.headers"

    @property
    def forge_webhook_file(self) -> Path:
        """What a forge elsewhere signs its webhooks with; the owner puts it there."""
        return self.secrets / "forge.webhook"

    @property
    def backup_work(self) -> Path:
        """Where a copy of the home lies while it is made, read back or tried; nothing in it lasts."""
        return self.root / "backup"

    @property
    def backup_passphrase_file(self) -> Path:
        """What opens the snapshots of backups. Whoever is to restore one needs it, so it must be kept elsewhere, too."""
        return self.secrets / "backup.passphrase"

    @property
    def provider_keys(self) -> Path:
        """One file a provider; only the gateway reads them, and patchctl writes them."""
        return self.secrets / "providers"

    def provider_key_file(self, provider: str) -> Path:
        """The key of a provider."""
        return self.provider_keys / f"{provider}.key"

    @property
    def notify_addresses(self) -> Path:
        """One file an address that notices go to; whoever has one can send there."""
        return self.secrets / "notify"

    def notify_address_file(self, name: str) -> Path:
        """The address of this name."""
        return self.notify_addresses / f"{name}.url"

    @property
    def notices(self) -> Path:
        """Notices as JSON lines."""
        return self.root / "notices"

    @property
    def watch(self) -> Path:
        """What the watcher has read and judged in the last days; nothing but the past is lost with it."""
        return self.root / "watch"

    @property
    def monitoring(self) -> Path:
        """Files for Prometheus, Alertmanager, Grafana and Loki, written anew for each generation."""
        return self.root / "monitoring"

    @property
    def blueprint(self) -> Path:
        """The bare git repository that describes the running system."""
        return self.root / "blueprint.git"

    @property
    def forge(self) -> Path:
        """The bare git repository that is the local forge. What lies there is a wish until patchctl has judged it."""
        return self.root / "forge.git"

    @property
    def generations(self) -> Path:
        """One immutable tree a commit."""
        return self.root / "generations"

    @property
    def releases(self) -> Path:
        """The environments of releases that generations pin, a folder each."""
        return self.root / "releases"

    @property
    def approved_releases_file(self) -> Path:
        """The digests of the releases that the owner of the machine lets a generation pin. No service may write it."""
        return self.secrets / "releases.approved"

    @property
    def current(self) -> Path:
        """The link to the live generation."""
        return self.root / "current"

    @property
    def targets_file(self) -> Path:
        """Who serves metrics, and where, in Prometheus' form; the supervisor writes it."""
        return self.run / "targets.json"

    @property
    def lineage(self) -> Path:
        """The journal of patches, the freeze, and the public half of the journal's key."""
        return self.root / "lineage"

    @property
    def autonomy(self) -> Path:
        """Files that say that healer, bots and applies stand still; every service may read them, and none may write there."""
        return self.root / "autonomy"

    @property
    def autonomy_file(self) -> Path:
        """The halt of all that Council changes by itself."""
        return self.autonomy / "pause.json"

    @property
    def wanted_repairs(self) -> Path:
        """Repairs that the owner asks for, a file each. No service may write it."""
        return self.autonomy / "wanted"

    @property
    def heal_file(self) -> Path:
        """The halt of the healer alone."""
        return self.autonomy / "heal.json"

    @property
    def journal_key_file(self) -> Path:
        """The key that seals the journal and signs nothing else."""
        return self.secrets / "journal.key"

    @property
    def journal_certificate_file(self) -> Path:
        """The public half of that key, for whoever checks the journal without it."""
        return self.lineage / "journal.pub"

    @property
    def uploads(self) -> Path:
        """What was put into the library over the API."""
        return self.library / documents.UPLOADS

    @property
    def library(self) -> Path:
        """The user's own documents: untrusted, read again when they change."""
        return self.root / "library"

    @property
    def guidebook(self) -> Path:
        """The user's own guides, a folder of the library that need not be there."""
        return self.library / guides.FOLDER

    @property
    def records(self) -> Path:
        """The embedded database's folder."""
        return self.root / "records"

    @property
    def records_url(self) -> str:
        """SQLAlchemy URL of the embedded database."""
        return f"sqlite:///{self.records / 'council.db'}"

    @property
    def meanings_file(self) -> Path:
        """The vectors of passages, which recall makes anew where they are missing."""
        return self.recall / "meanings.db"

    @property
    def recall(self) -> Path:
        """What recall keeps for itself; nothing in it is lost with it."""
        return self.root / "recall"

    @property
    def store(self) -> Path:
        """The bundled Valkey's append-only file."""
        return self.root / "store"

    @property
    def sandbox(self) -> Path:
        """The sandbox's audit trail and its kill switch; only sandboxd writes there."""
        return self.root / "sandbox"

    @property
    def sandbox_work(self) -> Path:
        """Where jobs' files lie while they run, for the kinds of sandbox that need a folder of the host."""
        return self.run / "sandboxd"

    @property
    def patch_work(self) -> Path:
        """Where gpgv and git keep what they need for one call."""
        return self.run / "patchctl"

    @property
    def steward_work(self) -> Path:
        """Where gpgv and git keep what they need for one call of the steward."""
        return self.run / "steward"

    @property
    def router(self) -> Path:
        """Candidates for the router's weights, a folder each; nothing reads them but `council router`."""
        return self.root / "router"

    @property
    def advisories(self) -> Path:
        """Advisories about installed packages that the owner put there, and what was fetched of them."""
        return self.root / "advisories"

    @property
    def chaos(self) -> Path:
        """The mark of a home that may be broken on purpose, what is in it now, and the reports."""
        return self.root / "chaos"

    @property
    def models(self) -> Path:
        """Prepared model files."""
        return self.root / "models"

    @property
    def logs(self) -> Path:
        """One file a service, JSON lines."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets, locks and metric files of the running service; empty when it is down."""
        return self.root / "run"

    def socket(self, name: str) -> Path:
        """The Unix socket of a service: the one we were told of, else that of the live generation."""
        return self.peers.get(name) or self.run / f"{name}.sock"

    def among(self, environment: Mapping[str, str]) -> "Home":
        """Return this home as a service sees it whose supervisor told it, in COUNCIL_PEERS, whom to ask."""
        told = json.loads(environment.get("COUNCIL_PEERS") or "{}")
        return replace(self, peers={str(name): Path(path) for name, path in told.items()})
