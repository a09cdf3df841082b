//! The walls built by bubblewrap: the same list of mounts, said as its arguments (bwrap(1), 0.7 or newer for `--size`).

use std::ffi::OsString;

use super::{
    namespaces::{INSIDE_ID, PROC_MASKED, PROC_READ_ONLY},
    spec::Mount,
    view::OWN,
};

/// The arguments that build `mounts` and run our innermost process in them as process 1.
#[must_use]
pub fn arguments(mounts: &[Mount]) -> Vec<OsString> {
    let id = INSIDE_ID.to_string();
    let mut arguments: Vec<OsString> = [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--as-pid-1",
        "--cap-drop",
        "ALL",
        "--clearenv",
        "--hostname",
        "regreen",
        "--uid",
        &id,
        "--gid",
        &id,
    ]
    .iter()
    .map(OsString::from)
    .collect();
    let mut say = |words: &[&dyn AsRef<std::ffi::OsStr>]| {
        arguments.extend(words.iter().map(|word| word.as_ref().to_owned()));
    };
    for mount in mounts {
        match mount {
            Mount::Bind { from, to, writable } => {
                say(&[if *writable { &"--bind" } else { &"--ro-bind" }, from, to]);
            }
            Mount::Symlink { target, at } => say(&[&"--symlink", target, at]),
            Mount::Tmpfs { at, bytes } => say(&[&"--size", &bytes.to_string(), &"--tmpfs", at]),
            Mount::Proc => {
                say(&[&"--proc", &"/proc"]);
                // It closes these parts by itself only where access(2) says they can be written, which is not said of
                // folders: as user id 0 a job could write `/proc/sys/kernel/core_pattern`.
                for part in PROC_READ_ONLY.iter().filter(|part| std::path::Path::new(part).exists()) {
                    say(&[&"--ro-bind", part, part]);
                }
                for part in PROC_MASKED.iter().filter(|part| std::path::Path::new(part).exists()) {
                    say(&[&"--ro-bind", &"/dev/null", part]);
                }
            }
            Mount::Dev => say(&[&"--dev", &"/dev"]),
            Mount::ReadOnly { at } => say(&[&"--remount-ro", at]),
        }
    }
    let own = format!("{OWN}/regreen");
    say(&[&"--chdir", &"/", &"--", &own, &super::REEXEC, &"init"]);
    arguments
}
