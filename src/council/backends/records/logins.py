"""Who is signed in with a browser, in the records: one-time codes and sessions, by digests alone."""

from typing import Any

import sqlalchemy

from council.backends.records import schema, sql
from council.domain import access, logins

_code, _session = schema.login_codes.c, schema.sessions.c


class SqlLogins(sql.SqlRecords):
    """dashboard_ports.Logins, in the same database as all other records."""

    def add_code(self, code: logins.Code) -> None:
        """Keep a code, and of all codes the newest."""
        values = {column.name: getattr(code, column.name) for column in schema.login_codes.c}
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.insert(schema.login_codes).values(**values | {"role": code.role.value}))
            _keep_newest(connection, schema.login_codes, _code.secret_sha256, logins.CODES_MAX)

    def redeem(self, secret_sha256: str, session: logins.Session, at_us: int) -> logins.Session | None:
        """Use a code up for a session of its user and role; None where there is none that is good."""
        chosen = _code.secret_sha256 == sql.plain_text(secret_sha256)
        with self._typed(), self._writer.begin() as connection:
            found = connection.execute(sqlalchemy.select(schema.login_codes).where(chosen)).first()
            # The one whose delete finds a row has it: PostgreSQL lets two read it at once.
            deleted = connection.execute(sqlalchemy.delete(schema.login_codes).where(chosen)).rowcount
            if found is None or deleted != 1 or at_us >= found.expires_us or found.role not in _ROLES:
                return None
            made = logins.Session(
                session.id,
                session.secret_sha256,
                found.user_id,
                access.Role(found.role),
                "",
                session.created_us,
                session.expires_us,
            )
            _add(connection, made)
        return made

    def begin(self, session: logins.Session) -> None:
        """Keep a session, and of all sessions the newest."""
        with self._typed(), self._writer.begin() as connection:
            _add(connection, session)

    def find(self, secret_sha256: str) -> logins.Session | None:
        """Return the session of this digest."""
        query = sqlalchemy.select(schema.sessions).where(_session.secret_sha256 == sql.plain_text(secret_sha256))
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(query).first()
        return None if found is None or found.role not in _ROLES else _session_of(found)

    def in_force(self, at_us: int) -> list[logins.Session]:
        """Return every session that has not ended."""
        query = sqlalchemy.select(schema.sessions).where(_session.expires_us > at_us).limit(logins.SESSIONS_MAX)
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(query).all()
        return [_session_of(one) for one in found if one.role in _ROLES]

    def end(self, session_id: str) -> bool:
        """End a session; False where there is none."""
        chosen = _session.id == sql.plain_text(session_id)
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(sqlalchemy.delete(schema.sessions).where(chosen)).rowcount == 1

    def end_all(self, user_id: str | None = None) -> int:
        """End every session, or every one of a user, and all codes with them; return how many sessions."""
        codes, ended = sqlalchemy.delete(schema.login_codes), sqlalchemy.delete(schema.sessions)
        if user_id is not None:
            codes, ended = codes.where(_code.user_id == user_id), ended.where(_session.user_id == user_id)
        with self._typed(), self._writer.begin() as connection:
            connection.execute(codes)
            return connection.execute(ended).rowcount

    def trim(self, at_us: int) -> int:
        """Delete what has expired; return how many sessions."""
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.delete(schema.login_codes).where(_code.expires_us <= at_us))
            return connection.execute(sqlalchemy.delete(schema.sessions).where(_session.expires_us <= at_us)).rowcount


_ROLES = frozenset(role.value for role in access.Role)


def _add(connection: sqlalchemy.Connection, session: logins.Session) -> None:
    values = {column.name: getattr(session, column.name) for column in schema.sessions.c} | {"role": session.role.value}
    connection.execute(sqlalchemy.insert(schema.sessions).values(**values))
    _keep_newest(connection, schema.sessions, _session.id, logins.SESSIONS_MAX)


def _keep_newest(
    connection: sqlalchemy.Connection, table: sqlalchemy.Table, key: sqlalchemy.ColumnElement[str], most: int
) -> None:
    kept = sqlalchemy.select(key).order_by(table.c.created_us.desc(), key.desc()).limit(most)
    connection.execute(sqlalchemy.delete(table).where(key.not_in(kept)))


def _session_of(found: Any) -> logins.Session:
    return logins.Session(
        found.id,
        found.secret_sha256,
        found.user_id,
        access.Role(found.role),
        found.token_id,
        found.created_us,
        found.expires_us,
    )
