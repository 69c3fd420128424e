"""The tables as queries see them, in their newest form.

How a database gets to this form is in `migrations.py`; a test compares the two. Times are in microseconds since the Unix
epoch, money in micro-dollars.
"""

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, Text

_METADATA = sqlalchemy.MetaData()

schema_version = sqlalchemy.Table(
    "schema_version",
    _METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

users = sqlalchemy.Table(
    "users",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("created_us", BigInteger, nullable=False),
)

tokens = sqlalchemy.Table(
    "tokens",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
    Column("requests_per_minute", BigInteger),
    Column("revoked_us", BigInteger),
    Column("day_usd_micros", BigInteger),
    Column("month_usd_micros", BigInteger),
    Column("memory", Boolean, nullable=False),
    Column("staging", Boolean, nullable=False),
)

# `id` gives rows of the same microsecond an order that pages can resume from; it says nothing else.
ledger = sqlalchemy.Table(
    "ledger",
    _METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("request_id", Text, nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("specialist", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("escalated", Boolean, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost_usd_micros", BigInteger, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("total_us", BigInteger, nullable=False),
    Column("generation", Text, nullable=False),
    Column("local", Boolean, nullable=False),
)

# What each call to a model cost; the cost of a ledger row that has charges is their sum.
charges = sqlalchemy.Table(
    "charges",
    _METADATA,
    Column("request_id", Text, primary_key=True),
    Column("hop", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost_usd_micros", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
)

# What calls under way may cost at most. A row goes when its charge is written.
holds = sqlalchemy.Table(
    "holds",
    _METADATA,
    Column("request_id", Text, primary_key=True),
    Column("hop", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("usd_micros", BigInteger, nullable=False),
)

# Charges and holds summed by scope and period, kept in the same transactions, so that a budget is one row to look at.
spend = sqlalchemy.Table(
    "spend",
    _METADATA,
    Column("scope", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("usd_micros", BigInteger, nullable=False),
)

# What is remembered of users. `vector` is float32 of the machine's order, made from `text` by the model `vector_model`.
memories = sqlalchemy.Table(
    "memories",
    _METADATA,
    Column("number", BigInteger, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("attribute", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("superseded_by", Text, nullable=False),
    Column("superseded_us", BigInteger, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("vector_model", Text, nullable=False),
)

# What was done to memories, and never what they said.
memory_changes = sqlalchemy.Table(
    "memory_changes",
    _METADATA,
    Column("number", BigInteger, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
)

# How questions went. `features` hold no text; `passed_on` are routes, joined by commas.
learning = sqlalchemy.Table(
    "learning",
    _METADATA,
    Column("request_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("features", LargeBinary, nullable=False),
    Column("specialist", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("escalated", Boolean, nullable=False),
    Column("passed_on", Text, nullable=False),
)

# Incidents and what people were told of them. `body` and `notice` are JSON of the domain's types; the other columns find rows.
incidents = sqlalchemy.Table(
    "incidents",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("detected_us", BigInteger, nullable=False),
    Column("repaired_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

notices = sqlalchemy.Table(
    "notices",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("delivery", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("notice", Text, nullable=False),
)

silences = sqlalchemy.Table(
    "silences",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("until_us", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

# What users thought of answers. `route` is "" where they did not say where the question belonged.
thumbs = sqlalchemy.Table(
    "thumbs",
    _METADATA,
    Column("request_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("route", Text, nullable=False),
)

# What users said beside their thumbs, for people. Apart, so that whatever learns need not read a table that holds text.
remarks = sqlalchemy.Table(
    "remarks",
    _METADATA,
    Column("request_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
)

# What the observer saw. `body` is the domain's type as JSON, compressed; the other columns find rows.
snapshots = sqlalchemy.Table(
    "snapshots",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("occasion", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# What it has learned of its series, one row a name.
observer_state = sqlalchemy.Table(
    "observer_state",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# What people are told of once. A row is written together with its notices.
announcements = sqlalchemy.Table(
    "announcements",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
)

# What is changed for a while, see domain/overrides.py. `lifted_us` is 0 where nobody ended it before its time.
overrides = sqlalchemy.Table(
    "overrides",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("lifted_us", BigInteger, nullable=False),
)

# What became of backups and drills. `body` is JSON of the domain's type; the other columns find rows.
backups = sqlalchemy.Table(
    "backups",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("body", Text, nullable=False),
)

# What bots did. `body` is the domain's type as JSON; the other columns find rows.
bot_runs = sqlalchemy.Table(
    "bot_runs",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("bot", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

# What the healer did. `body` is the domain's type as JSON; the other columns find rows.
repairs = sqlalchemy.Table(
    "repairs",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

# What people had to do themselves.
interventions = sqlalchemy.Table(
    "interventions",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
)

# Links to sign in that nobody has used yet, and browsers that are signed in; digests of their secrets alone.
login_codes = sqlalchemy.Table(
    "login_codes",
    _METADATA,
    Column("secret_sha256", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

sessions = sqlalchemy.Table(
    "sessions",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

# What was done with the dashboard; `status` is null until it has ended.
audit = sqlalchemy.Table(
    "audit",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", BigInteger),
)

# When tokens and providers were last used: the newest of each kind and name.
uses = sqlalchemy.Table(
    "uses",
    _METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
)

# Conversations of the dashboard. `error` and `council` are JSON, or "".
conversations = sqlalchemy.Table(
    "conversations",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("memory", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
)

messages = sqlalchemy.Table(
    "messages",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("touched_us", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("council", Text, nullable=False),
)
