//! From an address to open pools.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, Connection, Executor};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};

use crate::ports::store::StoreError;

/// How long a writer waits for another process on the same file.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);
/// Readers of a SQLite file beside its one writer.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL a process.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Where the database is.
#[derive(Clone)]
pub enum Address {
    /// A file.
    Sqlite {
        /// Its path.
        path: PathBuf,
        /// Whether it may be made.
        create: bool,
        /// Whether it need not outlive the process: then nothing waits for the disk.
        fleeting: bool,
    },
    /// A server.
    Postgres(Box<PgConnectOptions>),
}

impl fmt::Display for Address {
    /// Without user, password and parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sqlite { path, .. } => write!(f, "sqlite {}", path.display()),
            Address::Postgres(options) => write!(f, "postgres {}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default()),
        }
    }
}

impl Address {
    /// Takes `postgres://…`, `postgresql://…`, `sqlite://path`, `sqlite:path` (with `?mode=rw` to refuse making a file), and a
    /// bare path. The address is never repeated in an error: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |why: &str| {
            StoreError::Unavailable(format!("DATABASE_URL can't be used: {why}; expected `sqlite://path`, a path, or `postgres://user:password@host/database`"))
        };
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // sqlx's own error may repeat what it could not parse.
            let options = PgConnectOptions::from_str(url).map_err(|_| refuse("it is not a PostgreSQL address"))?;
            let options = if options.get_application_name().is_none() { options.application_name("regreen") } else { options };
            return Ok(Address::Postgres(Box::new(options)));
        }
        let (path, query) = match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some(rest) => rest.split_once('?').unwrap_or((rest, "")),
            None if url.contains("://") => return Err(refuse("only SQLite and PostgreSQL are known")),
            None => (url, ""),
        };
        if path.is_empty() || path.contains(":memory:") || path.contains('\0') {
            return Err(refuse("it names no file"));
        }
        let create = match query {
            "" | "mode=rwc" => true,
            "mode=rw" => false,
            _ => return Err(refuse("of the parameters only `mode=rwc` and `mode=rw` are known")),
        };
        Ok(Address::Sqlite { path: PathBuf::from(path), create, fleeting: false })
    }

    /// Opens the pools: where writes go, and where reads go.
    pub async fn open(&self) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
        match self {
            Address::Sqlite { path, create, fleeting } => {
                if *create {
                    make_private(path)?;
                }
                self.open_sqlite(path, *fleeting).await
            }
            Address::Postgres(options) => {
                // The pool would ask a server that is not there again and again; a wrong address should be told at once.
                let first = tokio::time::timeout(ACQUIRE, sqlx::PgConnection::connect_with(options)).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
                let first = first.map_err(|error| self.unreachable(&error))?;
                first.close().await.map_err(|error| self.unreachable(&error))?;
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE)
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            // A replica that froze in the middle must not hold rows for ever; what the statements here
                            // rely on must not depend on how the server is set.
                            connection
                                .execute(
                                    "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '10s'; \
                                     SET default_transaction_isolation = 'read committed'",
                                )
                                .await?;
                            Ok(())
                        })
                    })
                    .connect_with(options.as_ref().clone())
                    .await
                    .map_err(|error| self.unreachable(&error))?;
                let pool = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
                Ok((pool.clone(), pool))
            }
        }
    }

    /// One connection writes and some read: with several writers SQLite lets them wait by polling, which is unfair and
    /// slow. The writer comes first, because only it may switch the file to the write-ahead log.
    async fn open_sqlite(&self, path: &Path, fleeting: bool) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).foreign_keys(true).busy_timeout(BUSY);
        let synchronous = if fleeting { SqliteSynchronous::Off } else { SqliteSynchronous::Full };
        let writer = options.clone().journal_mode(SqliteJournalMode::Wal).synchronous(synchronous);
        let reader = options.pragma("query_only", "ON");
        let pool = |connections| {
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE).idle_timeout(None).max_lifetime(None).test_before_acquire(false)
        };
        // The switch to the write-ahead log does not wait for its turn when two processes make it at once.
        let mut tries = 0;
        let writer = loop {
            tries += 1;
            match pool(1).connect_with(writer.clone()).await {
                Err(sqlx::Error::Database(error)) if tries < 20 && error.message().contains("locked") => {
                    tokio::time::sleep(Duration::from_millis(25 * tries)).await;
                }
                other => break other.map_err(|error| self.unreachable(&error))?,
            }
        };
        let reader = pool(SQLITE_READERS).connect_with(reader).await.map_err(|error| self.unreachable(&error))?;
        Ok((SqlxSqliteConnector::from_sqlx_sqlite_pool(writer), SqlxSqliteConnector::from_sqlx_sqlite_pool(reader)))
    }

    fn unreachable(&self, error: &sqlx::Error) -> StoreError {
        match error {
            // SQLITE_NOTADB, SQLITE_CORRUPT.
            sqlx::Error::Database(inner) if matches!(inner.code().as_deref(), Some("26" | "11")) => StoreError::Damaged(format!("{self}: {inner}")),
            _ => StoreError::Unavailable(format!("{self} can't be opened: {error}")),
        }
    }
}

/// Makes the file readable by its owner only, and the folder it lies in if there is none yet. What is there keeps its
/// permissions. SQLite gives its log and its shared memory those of the file.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let refuse = |what: &Path, error: std::io::Error| StoreError::Unavailable(format!("`{}` can't be made: {error}; check REGREEN_DATA_DIR", what.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| refuse(folder, error))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(refuse(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, shown) in [
            ("sqlite://data/x.db?mode=rwc", "sqlite data/x.db"),
            ("sqlite:///var/x.db", "sqlite /var/x.db"),
            ("sqlite:x.db", "sqlite x.db"),
            ("/var/x.db", "sqlite /var/x.db"),
            ("x.db", "sqlite x.db"),
            ("postgres://me:s3cr3t@db.example:5433/green?sslmode=disable", "postgres db.example:5433/green"),
        ] {
            assert_eq!(Address::parse(url).unwrap().to_string(), shown, "{url}");
        }
        assert!(matches!(Address::parse("sqlite://x.db?mode=rw").unwrap(), Address::Sqlite { create: false, .. }));
        for url in ["", "sqlite://", "sqlite::memory:", "mysql://a:s3cr3t@b/c", "sqlite://x?mode=ro&password=s3cr3t", "postgres://a:s3cr3t@b:x/c"] {
            let Err(error) = Address::parse(url) else { panic!("`{url}` was taken") };
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }
}
