//! The register of tests that could not run here: listed by name where a person looks, and a failure where CI looks.
//!
//! libtest shows nothing that a passing test prints through the macros, so every line goes straight to standard error.
//! The list as a whole is printed when the process ends, after every test: no test waits for another.

use std::io::Write as _;
use std::sync::{Mutex, Once, PoisonError};

/// What was not run, by (test, what it needs).
static REGISTER: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
static AT_EXIT: Once = Once::new();

/// Notes a test that can't run.
///
/// # Panics
/// In CI (`CI=true`), which has to provide what is needed.
pub fn note(name: &str, needs: &str) {
    assert!(!in_ci(std::env::var("CI").ok().as_deref()), "{name} was not run: it needs {needs}, and CI=true says that everything is there; see .ci/run");
    say(&line(name, needs));
    AT_EXIT.call_once(|| {
        // SAFETY: `tell` is a plain function that neither unwinds nor relies on a thread, as `atexit` asks.
        unsafe { nix::libc::atexit(tell) };
    });
    REGISTER.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), needs.to_owned()));
}

fn in_ci(variable: Option<&str>) -> bool {
    matches!(variable, Some("true" | "1"))
}

fn line(name: &str, needs: &str) -> String {
    format!("not run: {name} (needs {needs})")
}

/// Past libtest's capture, which only catches the macros.
fn say(text: &str) {
    // Nobody can be told where standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// At the end of the process: everything that was not run, sorted, in one place.
extern "C" fn tell() {
    let mut register = match REGISTER.try_lock() {
        Ok(register) => register,
        Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // A test that was left behind holds it: each line has been said already.
        Err(std::sync::TryLockError::WouldBlock) => return,
    };
    register.sort();
    let mut text = format!("\n{} tests were not run on this machine; `bash .ci/run` brings what they need:", register.len());
    for (name, needs) in register.iter() {
        text.push_str("\n    ");
        text.push_str(&line(name, needs));
    }
    say(&text);
}

mod tests {
    use std::process::{Command, Output};

    const NAME: &str = "not_run::tests::what_is_not_run_is_seen_and_fails_ci";
    /// Set in the process that this test starts.
    const INNER: &str = "REGREEN_TEST_NOT_RUN_INNER";

    /// This very test once more, in a process of its own, needing what no machine has.
    fn inner(ci: Option<&str>) -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME]).env(INNER, "1").env_remove("CI");
        if let Some(ci) = ci {
            command.env("CI", ci);
        }
        command.output().unwrap()
    }

    #[test]
    fn what_is_not_run_is_seen_and_fails_ci() {
        if std::env::var_os(INNER).is_some() {
            crate::requires!("the_example", false, "a unicorn");
            unreachable!("the need is not met");
        }
        for ci in [None, Some("false"), Some("")] {
            let ran = inner(ci);
            let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            assert!(ran.status.success(), "{out}{err}");
            assert!(out.contains("1 passed"), "{out}");
            assert!(err.starts_with("not run: the_example (needs a unicorn)\n"), "{err}");
            assert!(err.ends_with("\n    not run: the_example (needs a unicorn)\n") && err.contains("1 tests were not run"), "{err}");
        }
        for ci in ["true", "1"] {
            let ran = inner(Some(ci));
            assert!(!ran.status.success());
            assert!(String::from_utf8_lossy(&ran.stdout).contains("it needs a unicorn, and CI=true"), "{ran:?}");
        }
    }
}
