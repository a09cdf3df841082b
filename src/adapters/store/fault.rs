//! What can go wrong inside a transaction, and what of it is worth another try.

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

use crate::domain::remediation::Illegal;
use crate::ports::store::StoreError;

/// A failure inside a transaction.
#[derive(Debug)]
pub enum Fault {
    /// The answer to the caller.
    Store(StoreError),
    /// The database's own.
    Db(DbErr),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

impl From<Illegal> for Fault {
    fn from(error: Illegal) -> Self {
        Fault::Store(error.into())
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Fault::Db(error)
    }
}

impl Fault {
    /// What is stored can't be read.
    pub fn damaged(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Fault::Store(StoreError::Damaged(format!("{what}: {why}")))
    }

    /// Whether the same transaction may go through when it is begun anew: the database was busy, chose it as the victim
    /// of a deadlock, met a race on a unique key, or the connection was lost.
    pub fn is_transient(&self) -> bool {
        match self {
            Fault::Store(_) => false,
            // Waiting for a connection has taken its time already.
            Fault::Db(DbErr::ConnectionAcquire(_)) => false,
            Fault::Db(error) => matches!(kind(error), Kind::Busy | Kind::Race | Kind::Lost),
        }
    }

    /// Whether a failed COMMIT surely did nothing: the database itself said no. A connection that broke meanwhile leaves
    /// it open.
    pub fn refused_by_database(&self) -> bool {
        match self {
            Fault::Store(_) => true,
            Fault::Db(error) => matches!(sqlx_error(error), Some(sqlx::Error::Database(_))),
        }
    }

    /// The error for the caller.
    pub fn into_store(self) -> StoreError {
        match self {
            Fault::Store(error) => error,
            Fault::Db(error) => match kind(&error) {
                Kind::Busy | Kind::Race | Kind::Lost | Kind::Room => StoreError::Unavailable(error.to_string()),
                Kind::Damage => StoreError::Damaged(error.to_string()),
            },
        }
    }
}

/// The kinds of database errors that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Locked by somebody else for longer than we wait.
    Busy,
    /// Two transactions were in each other's way.
    Race,
    /// No connection.
    Lost,
    /// Disk full, too many connections, read-only: a person has to act, and asking again may help after that.
    Room,
    /// The rest: the file or the schema is not what we expect.
    Damage,
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner)) | DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => Some(inner),
        _ => None,
    }
}

fn kind(error: &DbErr) -> Kind {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Kind::Lost;
    }
    match sqlx_error(error) {
        Some(sqlx::Error::Database(inner)) => {
            let code = inner.code().unwrap_or_default();
            if inner.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() { sqlite_kind(&code) } else { postgres_kind(&code) }
        }
        Some(
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed,
        ) => Kind::Lost,
        _ if matches!(error, DbErr::Conn(_)) => Kind::Lost,
        _ => Kind::Damage,
    }
}

/// By the extended result code, <https://www.sqlite.org/rescode.html>; its low byte is the primary code.
fn sqlite_kind(code: &str) -> Kind {
    let extended: u32 = code.parse().unwrap_or(1);
    match (extended, extended & 0xff) {
        // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE.
        (1555 | 2067, _) => Kind::Race,
        // SQLITE_BUSY, SQLITE_LOCKED.
        (_, 5 | 6) => Kind::Busy,
        // SQLITE_PERM, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN.
        (_, 3 | 7 | 8 | 10 | 13 | 14) => Kind::Room,
        _ => Kind::Damage,
    }
}

/// By SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_kind(code: &str) -> Kind {
    match code {
        // unique_violation; the whole class transaction_rollback holds serialization_failure and deadlock_detected.
        "23505" => Kind::Race,
        "55P03" => Kind::Busy,
        // read_only_sql_transaction: a standby answered.
        "25006" => Kind::Room,
        _ => match code.get(..2) {
            Some("40") => Kind::Race,
            // connection_exception, operator_intervention (shutdown), and refused authentication.
            Some("08" | "57") => Kind::Lost,
            Some("53" | "28") => Kind::Room,
            _ => Kind::Damage,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (code, expected) in
            [("5", Kind::Busy), ("517", Kind::Busy), ("6", Kind::Busy), ("2067", Kind::Race), ("13", Kind::Room), ("11", Kind::Damage), ("1811", Kind::Damage)]
        {
            assert_eq!(sqlite_kind(code), expected, "sqlite {code}");
        }
        for (code, expected) in [
            ("40001", Kind::Race),
            ("40P01", Kind::Race),
            ("23505", Kind::Race),
            ("55P03", Kind::Busy),
            ("08006", Kind::Lost),
            ("57P01", Kind::Lost),
            ("53300", Kind::Room),
            ("42P01", Kind::Damage),
            ("P0001", Kind::Damage),
            ("", Kind::Damage),
        ] {
            assert_eq!(postgres_kind(code), expected, "postgres {code}");
        }
    }
}
