//! The circuit breaker, one circuit for a repository and a failure signature.
//!
//! Pure: `now` is passed in, the store keeps the row. The edges: CLOSED → OPEN at the threshold; OPEN → HALF_OPEN when
//! the reset time has passed and a remediation takes the probe; HALF_OPEN → CLOSED on success; HALF_OPEN → OPEN on
//! failure; any → CLOSED by a person. A success in any state sets the count to 0.
//!
//! A probe that falls silent counts as failed. Silence is told by `heard`: when its remediation last said something, or until when it waits
//! for a person, who may take longer than any work does.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::ids::RemediationId;

/// The three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Fixes are tried.
    Closed,
    /// Fixes are refused until the reset time.
    Open,
    /// One probe is on its way.
    HalfOpen,
}

impl CircuitState {
    /// The name used in the database, in JSON and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half_open",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen].into_iter().find(|state| state.as_str() == name)
    }
}

/// How the breaker is set (`[breaker]`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BreakerSettings {
    /// Failures that open a circuit; at least 1.
    pub threshold: u32,
    /// How long a circuit stays open the first time, in seconds.
    pub reset_seconds: u64,
    /// Each failed probe multiplies the time by this; at least 1.
    pub growth: f64,
    /// The longest time, in seconds.
    pub reset_max_seconds: u64,
    /// A probe that has said nothing for so long counts as failed, in seconds.
    pub probe_seconds: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { threshold: 3, reset_seconds: 30 * 60, growth: 2.0, reset_max_seconds: 24 * 3600, probe_seconds: 6 * 3600 }
    }
}

/// The single probe of a half-open circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who holds it.
    pub remediation: RemediationId,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// Where it stands.
    pub state: CircuitState,
    /// Failures since the last success.
    pub failure_count: u32,
    /// How often it opened since it was last closed.
    pub openings: u32,
    /// When it opened last.
    pub opened_at: Option<DateTime<Utc>>,
    /// When an open circuit may be probed.
    pub reset_at: Option<DateTime<Utc>>,
    /// The probe of a half-open one.
    pub probe: Option<Probe>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { state: CircuitState::Closed, failure_count: 0, openings: 0, opened_at: None, reset_at: None, probe: None }
    }
}

/// What a remediation may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The circuit is closed, or the remediation holds the probe already.
    Allowed,
    /// The circuit must be stored as given: this remediation is now its probe.
    Probe(Circuit),
    /// The circuit is open, or another remediation is the probe.
    Refused {
        /// When it may be asked again; `None` where another holds the probe.
        until: Option<DateTime<Utc>>,
    },
}

impl Circuit {
    /// Whether `remediation` may go on at `now`.
    pub fn admit(&self, remediation: &RemediationId, now: DateTime<Utc>, heard: Option<DateTime<Utc>>, settings: &BreakerSettings) -> Admission {
        let circuit = self.lapse(now, heard, settings);
        match circuit.state {
            CircuitState::Closed => Admission::Allowed,
            CircuitState::Open => match circuit.reset_at {
                Some(until) if now < until => Admission::Refused { until: Some(until) },
                _ => Admission::Probe(circuit.probed(remediation, now)),
            },
            CircuitState::HalfOpen => match &circuit.probe {
                Some(probe) if probe.remediation == *remediation => Admission::Allowed,
                Some(_) => Admission::Refused { until: None },
                None => Admission::Probe(circuit.probed(remediation, now)),
            },
        }
    }

    fn probed(&self, remediation: &RemediationId, now: DateTime<Utc>) -> Circuit {
        Circuit { state: CircuitState::HalfOpen, probe: Some(Probe { remediation: remediation.clone(), since: now }), ..self.clone() }
    }

    /// A probe that has said nothing for too long counts as failed. `heard` is of the probe's remediation: when it said something last, or a
    /// time to come until which it waits for a person; `None` where nothing is known of it.
    pub fn lapse(&self, now: DateTime<Utc>, heard: Option<DateTime<Utc>>, settings: &BreakerSettings) -> Circuit {
        let (CircuitState::HalfOpen, Some(probe)) = (self.state, &self.probe) else { return self.clone() };
        let silent_since = heard.map_or(probe.since, |heard| heard.max(probe.since));
        let end = silent_since + seconds(settings.probe_seconds);
        if now >= end { self.opened(end, settings) } else { self.clone() }
    }

    /// After a failed remediation. In HALF_OPEN only the probe's own failure counts.
    pub fn failed(&self, remediation: &RemediationId, now: DateTime<Utc>, settings: &BreakerSettings) -> Circuit {
        let counted = Circuit { failure_count: self.failure_count.saturating_add(1), ..self.clone() };
        match self.state {
            CircuitState::Closed if counted.failure_count >= settings.threshold.max(1) => counted.opened(now, settings),
            CircuitState::Closed => counted,
            CircuitState::HalfOpen if self.probe.as_ref().is_some_and(|probe| probe.remediation == *remediation) => counted.opened(now, settings),
            CircuitState::HalfOpen | CircuitState::Open => counted,
        }
    }

    /// After a success, of whomever: the count is 0 in any state, and the circuit closes.
    ///
    /// A success of a remediation that began before the circuit opened closes an OPEN one too: the signature has been
    /// fixed, which is what the breaker waits to hear.
    pub fn succeeded(&self) -> Circuit {
        Circuit::default()
    }

    /// The probe was not used: the next one may take it.
    pub fn released(&self, remediation: &RemediationId) -> Circuit {
        match &self.probe {
            Some(probe) if probe.remediation == *remediation => Circuit { probe: None, ..self.clone() },
            _ => self.clone(),
        }
    }

    /// A person closes it.
    pub fn reset(&self) -> Circuit {
        Circuit::default()
    }

    fn opened(&self, now: DateTime<Utc>, settings: &BreakerSettings) -> Circuit {
        let factor = settings.growth.max(1.0).powi(self.openings.min(64) as i32);
        // Saturating: a float beyond u64 becomes the largest value, and the maximum bounds it.
        let wait = ((settings.reset_seconds as f64 * factor) as u64).min(settings.reset_max_seconds.max(settings.reset_seconds));
        Circuit {
            state: CircuitState::Open,
            failure_count: self.failure_count,
            openings: self.openings.saturating_add(1),
            opened_at: Some(now),
            reset_at: Some(now + seconds(wait)),
            probe: None,
        }
    }
}

fn seconds(n: u64) -> Duration {
    // A hundred years is longer than any circuit waits and well within chrono's range.
    Duration::seconds(i64::try_from(n).unwrap_or(i64::MAX).min(100 * 366 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u8) -> RemediationId {
        RemediationId::parse(&format!("r-{n:016x}")).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    const SET: BreakerSettings = BreakerSettings { threshold: 3, reset_seconds: 60, growth: 2.0, reset_max_seconds: 200, probe_seconds: 600 };

    fn open() -> Circuit {
        (0..3).fold(Circuit::default(), |circuit, n| circuit.failed(&id(n), at(n.into()), &SET))
    }

    #[test]
    fn opens_at_the_threshold() {
        let two = Circuit::default().failed(&id(0), at(0), &SET).failed(&id(1), at(1), &SET);
        assert_eq!((two.state, two.failure_count), (CircuitState::Closed, 2));
        assert_eq!(two.admit(&id(9), at(1), None, &SET), Admission::Allowed);
        let circuit = open();
        assert_eq!((circuit.state, circuit.reset_at), (CircuitState::Open, Some(at(62))));
        assert_eq!(circuit.admit(&id(9), at(61), None, &SET), Admission::Refused { until: Some(at(62)) });
    }

    #[test]
    fn one_probe_at_a_time() {
        let Admission::Probe(half) = open().admit(&id(7), at(62), None, &SET) else { panic!("no probe") };
        assert_eq!(half.state, CircuitState::HalfOpen);
        assert_eq!(half.admit(&id(7), at(63), None, &SET), Admission::Allowed);
        assert_eq!(half.admit(&id(8), at(63), None, &SET), Admission::Refused { until: None });
        assert_eq!(half.succeeded(), Circuit::default());
        let again = half.failed(&id(7), at(70), &SET);
        assert_eq!((again.state, again.reset_at), (CircuitState::Open, Some(at(70 + 120))));
        assert_eq!(half.failed(&id(8), at(70), &SET).state, CircuitState::HalfOpen);
        assert!(matches!(half.released(&id(7)).admit(&id(8), at(64), None, &SET), Admission::Probe(_)));
        assert_eq!(half.released(&id(8)), half);
    }

    #[test]
    fn a_silent_probe_counts_as_failed() {
        let Admission::Probe(half) = open().admit(&id(7), at(62), None, &SET) else { panic!("no probe") };
        assert_eq!(half.lapse(at(62 + 599), None, &SET).state, CircuitState::HalfOpen);
        let lapsed = half.lapse(at(62 + 600), None, &SET);
        assert_eq!((lapsed.state, lapsed.reset_at), (CircuitState::Open, Some(at(62 + 600 + 120))));
    }

    #[test]
    fn the_wait_grows_to_its_bound() {
        let mut circuit = open();
        for _ in 0..5 {
            let now = circuit.reset_at.unwrap();
            let Admission::Probe(half) = circuit.admit(&id(7), now, None, &SET) else { panic!("no probe") };
            circuit = half.failed(&id(7), now, &SET);
        }
        assert_eq!(circuit.reset_at.unwrap() - circuit.opened_at.unwrap(), Duration::seconds(200));
    }

    #[test]
    fn waiting_for_a_person_is_no_silence() {
        let Admission::Probe(half) = open().admit(&id(7), at(62), None, &SET) else { panic!("no probe") };
        // Asked at 100 for an approval that may be given until 5,000, and given at 4,000.
        assert_eq!(half.lapse(at(4_000), Some(at(5_000)), &SET), half);
        assert_eq!(half.admit(&id(8), at(4_000), Some(at(5_000)), &SET), Admission::Refused { until: None });
        assert_eq!(half.admit(&id(7), at(4_001), Some(at(4_000)), &SET), Admission::Allowed);
        // What is said counts, and the silence after it too.
        assert_eq!(half.lapse(at(4_599), Some(at(4_000)), &SET), half);
        let lapsed = half.lapse(at(4_600), Some(at(4_000)), &SET);
        assert_eq!((lapsed.state, lapsed.reset_at), (CircuitState::Open, Some(at(4_600 + 120))));
        // What was said before it was the probe says nothing of the probe.
        assert_eq!(half.lapse(at(62 + 599), Some(at(0)), &SET), half);
        assert_eq!(half.lapse(at(62 + 600), Some(at(0)), &SET).state, CircuitState::Open);
    }

    /// The edges, as the head of the file tells them, in other words than the code: a circuit as its state, its failures, its openings and
    /// its probe.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Told {
        state: CircuitState,
        failures: u32,
        openings: u32,
        probe: Option<(u8, i64)>,
        reset: Option<i64>,
    }

    impl Told {
        fn open(&mut self, now: i64) {
            self.state = CircuitState::Open;
            self.reset = Some(now + [60, 120, 200][usize::try_from(self.openings.min(2)).unwrap()]);
            self.openings += 1;
            self.probe = None;
        }

        fn lapse(&mut self, now: i64) {
            if let Some((_, since)) = self.probe
                && now >= since + 600
            {
                self.open(since + 600);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn the_edges_are_those_that_are_told(steps in proptest::collection::vec((0u8..12, 0u8..3, 0i64..300), 20..80)) {
            let mut circuit = Circuit::default();
            let closed = Told { state: CircuitState::Closed, failures: 0, openings: 0, probe: None, reset: None };
            let mut told = closed.clone();
            let mut now = 0;
            // Which of opened, probed, failed as the probe and lapsed were seen.
            let mut seen = [0; 4];
            for (what, who, wait) in steps {
                now += wait;
                match what {
                    0..=4 => {
                        circuit = circuit.failed(&id(who), at(now), &SET);
                        let (probing, before) = (told.probe.is_some_and(|(probe, _)| probe == who), told.state);
                        told.failures += 1;
                        if before == CircuitState::Closed && told.failures >= 3 {
                            told.open(now);
                            seen[0] += 1;
                        } else if before == CircuitState::HalfOpen && probing {
                            told.open(now);
                            seen[2] += 1;
                        }
                    }
                    5..=8 => {
                        let admission = circuit.admit(&id(who), at(now), None, &SET);
                        told.lapse(now);
                        let free = match told.state {
                            CircuitState::Closed => false,
                            CircuitState::Open => told.reset.is_some_and(|reset| now >= reset),
                            CircuitState::HalfOpen => told.probe.is_none(),
                        };
                        let holds = told.probe.is_some_and(|(probe, _)| probe == who);
                        match admission {
                            Admission::Probe(half) => {
                                prop_assert!(free);
                                told.state = CircuitState::HalfOpen;
                                told.probe = Some((who, now));
                                seen[1] += 1;
                                circuit = half;
                            }
                            Admission::Allowed => prop_assert!(told.state == CircuitState::Closed || holds),
                            Admission::Refused { until } => {
                                prop_assert!(!free && !holds && told.state != CircuitState::Closed);
                                prop_assert_eq!(until, told.reset.filter(|_| told.state == CircuitState::Open).map(at));
                                circuit = circuit.lapse(at(now), None, &SET);
                            }
                        }
                    }
                    9 => {
                        circuit = circuit.released(&id(who));
                        told.probe = told.probe.filter(|(probe, _)| *probe != who);
                    }
                    10 => {
                        let openings = told.openings;
                        circuit = circuit.lapse(at(now), None, &SET);
                        told.lapse(now);
                        seen[3] += u32::from(told.openings > openings);
                    }
                    _ if who == 0 => {
                        circuit = circuit.succeeded();
                        told = closed.clone();
                    }
                    _ => {}
                }
                let found = Told {
                    state: circuit.state,
                    failures: circuit.failure_count,
                    openings: circuit.openings,
                    probe: circuit.probe.as_ref().map(|probe| ((0..3).find(|n| id(*n) == probe.remediation).unwrap(), (probe.since - at(0)).num_seconds())),
                    reset: circuit.reset_at.map(|reset| (reset - at(0)).num_seconds()),
                };
                prop_assert_eq!(&found, &told);
            }
            REACHED.with_borrow_mut(|reached| seen.iter().zip(reached).for_each(|(seen, reached)| *reached += u32::from(*seen > 0)));
        }
    }

    thread_local! {
        /// In how many cases each edge was gone along.
        static REACHED: std::cell::RefCell<[u32; 4]> = const { std::cell::RefCell::new([0; 4]) };
    }

    #[test]
    fn the_property_goes_along_every_edge() {
        REACHED.with_borrow_mut(|reached| *reached = [0; 4]);
        the_edges_are_those_that_are_told();
        let reached = REACHED.with_borrow(|reached| *reached);
        assert!(reached[0] > 300 && reached[1] > 200 && reached[2] > 60 && reached[3] > 2, "{reached:?}");
    }
}
