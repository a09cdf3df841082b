//! The machine's clock.

use chrono::{DateTime, Utc};

use crate::ports::clock::Clock;

/// The machine's own time. The only place that asks for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_of_the_machine() {
        let before = Utc::now();
        let told = SystemClock.now();
        assert!(before <= told && told <= Utc::now());
    }
}
