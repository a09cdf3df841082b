//! Time, from one place.

use chrono::{DateTime, Utc};

/// Where `now` comes from. UTC always.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
}
