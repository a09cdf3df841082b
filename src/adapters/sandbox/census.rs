//! Counting a process tree from outside: who descends from a process, and what they use together.
//!
//! A sandbox's first process inherits all orphans, so that walking down from it finds everyone.

use std::{fs, io::Read, path::Path, time::Duration};

use nix::libc;

/// What a process tree uses at one moment.
#[derive(Debug, Clone, Default)]
pub struct Census {
    /// Everyone below the root.
    pub pids: Vec<i32>,
    /// Their threads.
    pub threads: u64,
    /// Their resident memory, shared pages counted for each.
    pub resident_bytes: u64,
    /// Their processor time, and that of the children they have waited for.
    pub cpu: Duration,
}

/// Counts what descends from `root`, giving up (with more than `most` found) when there are too many.
#[must_use]
pub fn take(root: i32, most: usize) -> Census {
    let pids = descendants(root, most);
    let mut census = Census::default();
    if pids.len() > most {
        // Too many is all there is to say, and every further look costs time in which there are more.
        census.pids = pids;
        return census;
    }
    let (ticks_a_second, page) = (system(libc::_SC_CLK_TCK, 100), system(libc::_SC_PAGESIZE, 4096));
    for pid in &pids {
        if let Some(stat) = Stat::read(*pid) {
            census.threads += stat.threads;
            census.resident_bytes += stat.resident_pages * page;
            census.cpu += Duration::from_millis(stat.ticks.saturating_mul(1000) / ticks_a_second);
        }
    }
    census.pids = pids;
    census
}

/// The memory of `pids` with shared pages divided between their users; resident memory where that can't be read.
#[must_use]
pub fn proportional_bytes(pids: &[i32]) -> u64 {
    let page = system(libc::_SC_PAGESIZE, 4096);
    pids.iter()
        .map(|pid| {
            fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
                .ok()
                .and_then(|text| {
                    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
                    line.split_whitespace().next()?.parse::<u64>().ok()
                })
                .map(|kib| kib * 1024)
                .or_else(|| Stat::read(*pid).map(|stat| stat.resident_pages * page))
                .unwrap_or(0)
        })
        .sum()
}

/// The host's memory at one moment, in bytes (`/proc/meminfo`, proc_meminfo(5)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostMemory {
    /// All there is.
    pub total: u64,
    /// What can still be given out without swapping.
    pub available: u64,
    /// Held by memory file systems and anonymous files, which count for no process.
    pub shared: u64,
}

impl HostMemory {
    /// Looks; `None` where the kernel does not say.
    #[must_use]
    pub fn look() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/meminfo").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self { total: field("MemTotal:")?, available: field("MemAvailable:")?, shared: field("Shmem:")? })
    }

    /// Whether so little is left that someone has to go.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.available < (512 << 20).min(self.total / 16)
    }
}

/// Everyone below `root`, at most one more than `most`.
#[must_use]
pub fn descendants(root: i32, most: usize) -> Vec<i32> {
    if Path::new("/proc/thread-self/children").exists() { by_children(root, most) } else { by_parents(root, most) }
}

/// The direct children of `root`.
#[must_use]
pub fn children(root: i32) -> Vec<i32> {
    first_children(root, usize::MAX)
}

/// The first direct children of `root`, some more than `most`.
///
/// The rest is not even read: with every read the kernel walks the list from its head under a lock that forking needs
/// too, so that reading all of a fork bomb's orphans takes minutes, and stops the whole machine meanwhile.
fn first_children(root: i32, most: usize) -> Vec<i32> {
    let mut found = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{root}/task")) else {
        return found;
    };
    for thread in threads.flatten() {
        let left = most.saturating_add(1).saturating_sub(found.len());
        // A process id takes at least two bytes and at most eight with its space.
        let bytes = (left as u64).saturating_mul(8);
        let mut text = String::new();
        let read = fs::File::open(thread.path().join("children")).and_then(|file| file.take(bytes).read_to_string(&mut text));
        if read.is_ok() {
            let whole = text.rfind(' ').map_or("", |end| &text[..end]);
            found.extend(whole.split(' ').filter_map(|pid| pid.parse::<i32>().ok()));
        }
        if found.len() > most {
            break;
        }
    }
    found
}

fn by_children(root: i32, most: usize) -> Vec<i32> {
    let mut found = first_children(root, most);
    let mut next = 0;
    while next < found.len() && found.len() <= most {
        let below = first_children(found[next], most - found.len());
        found.extend(below);
        next += 1;
    }
    found
}

/// For kernels without `children` files: reads everyone's parent.
fn by_parents(root: i32, most: usize) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Some((pid, Stat::read(pid)?.parent)))
        .collect();
    let mut found = Vec::new();
    let mut next = root;
    let mut at = 0;
    while found.len() <= most {
        found.extend(parents.iter().filter(|(_, parent)| *parent == next).map(|(pid, _)| *pid));
        let Some(pid) = found.get(at) else { break };
        next = *pid;
        at += 1;
    }
    found
}

/// The fields of `/proc/PID/stat` we need (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: i32,
    ticks: u64,
    threads: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the command's name in parentheses, and may hold anything: count from the last `)`.
    fn parse(line: &[u8]) -> Option<Self> {
        let after = line.iter().rposition(|byte| *byte == b')')? + 1;
        let fields: Vec<&str> = std::str::from_utf8(&line[after..]).ok()?.split_whitespace().collect();
        // `fields[0]` is field 3, the state.
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let natural = |field: usize| number(field).and_then(|n| u64::try_from(n).ok());
        Some(Self {
            parent: i32::try_from(number(4)?).ok()?,
            ticks: (14..=17).map(|field| natural(field).unwrap_or(0)).sum(),
            threads: natural(20)?,
            resident_pages: natural(24)?,
        })
    }
}

fn system(name: libc::c_int, otherwise: u64) -> u64 {
    // SAFETY: sysconf has no preconditions.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).ok().filter(|value| *value > 0).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let line = b"7 (a) R 1 (b) S 5 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 3 0 100 1000 55 18446744073709551615";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 5, ticks: 100, threads: 3, resident_pages: 55 }));
        assert_eq!(Stat::parse(b"7 (a"), None);
        assert_eq!(Stat::parse(b"7 (a) S 5"), None);
    }

    #[test]
    fn scarce_memory_is_told() {
        let text = "MemTotal: 16000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\nShmem: 70 kB\n";
        let memory = HostMemory::parse(text).unwrap();
        assert_eq!(memory.shared, 70 * 1024);
        assert!(!memory.is_scarce());
        assert!(HostMemory { available: 1 << 20, ..memory }.is_scarce());
        assert_eq!(HostMemory::parse("MemTotal: 1 kB"), None);
        assert!(HostMemory::look().is_some());
    }

    #[test]
    fn both_ways_find_a_child() {
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        for (way, found) in [("children", by_children(own, 9999)), ("parents", by_parents(own, 9999))] {
            assert!(found.contains(&pid), "{way}: {found:?}");
        }
        let census = take(own, 9999);
        assert!(census.pids.contains(&pid) && census.threads >= 1);
        assert!(proportional_bytes(&[pid]) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
