//! Throughput and memory of a diagnosis against the size of the log.
//!
//! - `cargo bench --bench diagnosis`: the streaming pass alone, in this process.
//! - `cargo bench --bench diagnosis -- whole-process [MIB…]`: the built `regreen diagnose` as people run it, on files of 10, 100 and 1024 MiB
//!   (or the sizes given): seconds, MB/s, peak resident memory; and ripgrep counting the usual words in the same file, where it is installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use regreen::domain::diagnosis::{GreenProfile, diagnose};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().position(|argument| argument == "whole-process") {
        Some(at) => {
            let sizes: Vec<u64> = arguments[at + 1..].iter().filter_map(|size| size.parse().ok()).collect();
            whole_process(if sizes.is_empty() { &[10, 100, 1024] } else { &sizes });
        }
        None => divan::main(),
    }
}

/// Logs in the manner of the labelled ones, without end: each time with other times, numbers, names and hashes.
struct Endless {
    labelled: Vec<String>,
    next: usize,
    line: u64,
    state: u64,
}

impl Endless {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .expect("the labelled logs are there")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
            .collect();
        names.sort();
        let labelled = names.iter().map(|name| String::from_utf8_lossy(&std::fs::read(name).expect("the log can be read")).into_owned()).collect();
        Self { labelled, next: 0, line: 0, state: 7 }
    }

    /// A number below `n`, the same ones in every run (splitmix64).
    fn draw(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn stamp(&mut self, out: &mut String) {
        self.line += 1;
        let (second, rest) = (self.line / 40, self.line % 40 * 249_999);
        let _ = write!(out, "2026-01-{:02}T{:02}:{:02}:{:02}.{rest:07}Z ", second / 86_400 % 28 + 1, second / 3_600 % 24, second / 60 % 60, second % 60);
    }

    /// One labelled log behind ten times its size of what a healthy build prints: most of a real log is progress.
    fn append(&mut self, out: &mut String) {
        let log = self.labelled[self.next % self.labelled.len()].clone();
        self.next += 1;
        let until = out.len() + 10 * log.len();
        while out.len() < until {
            self.stamp(out);
            let (a, b) = (self.draw(100_000), self.draw(1_000));
            let _ = match self.draw(8) {
                0 => writeln!(
                    out,
                    "[INFO] Downloaded from central: https://repo.maven.apache.org/maven2/org/acme/part-{a}/{b}/part-{a}-{b}.jar ({b} kB at 1.{b} MB/s)"
                ),
                1 => writeln!(out, "   Compiling part-{a} v0.{b}.1"),
                2 => writeln!(out, "tests/test_part{a}.py::test_number_{b} PASSED                    [ {:>2}%]", a % 100),
                3 => writeln!(out, "--- PASS: TestPart{a} (0.{b:03}s)"),
                4 => writeln!(out, "\u{1b}[36;1m{:016x}{a:08x}: Pull complete\u{1b}[0m", self.state),
                5 => writeln!(out, "npm http fetch GET 200 https://registry.npmjs.org/part-{a} {b}ms (cache hit)"),
                6 => writeln!(out, "test part_{a}::holds_{b} ... ok"),
                _ => writeln!(out, "Extracting part-{a}.tar.gz: {b} of {a} files, /tmp/build-{b}/out/part-{a}.o"),
            };
        }
        for line in log.lines() {
            match line.split_once("Z ").filter(|(stamp, _)| stamp.starts_with("20") && stamp.len() <= 30) {
                Some((_, text)) => {
                    self.stamp(out);
                    out.push_str(text);
                }
                None => out.push_str(line),
            }
            out.push('\n');
        }
    }
}

fn log(size: usize) -> Vec<u8> {
    let mut endless = Endless::new();
    let mut out = String::with_capacity(size + (1 << 20));
    while out.len() < size {
        endless.append(&mut out);
    }
    let mut bytes = out.into_bytes();
    bytes.truncate(size);
    bytes
}

#[divan::bench(args = [10 << 20, 100 << 20], sample_count = 5, sample_size = 1)]
fn whole_log(bencher: Bencher<'_, '_>, size: usize) {
    let log = log(size);
    bencher.counter(BytesCount::new(log.len())).bench_local(|| diagnose(black_box(&log), None));
}

#[divan::bench(args = [10 << 20], sample_count = 5, sample_size = 1)]
fn green_profile(bencher: Bencher<'_, '_>, size: usize) {
    let log = log(size);
    bencher.counter(BytesCount::new(log.len())).bench_local(|| GreenProfile::of(black_box(&log)));
}

/// Writes the log piece by piece: a child's peak counts from what its parent held when it was started, so this process stays small.
fn write_log(path: &Path, size: u64) {
    let mut endless = Endless::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("the log can be made"));
    let (mut piece, mut written) = (String::new(), 0_u64);
    while written < size {
        piece.clear();
        endless.append(&mut piece);
        file.write_all(piece.as_bytes()).expect("the disk takes the log");
        written += piece.len() as u64;
    }
    file.flush().expect("the disk takes the log");
}

/// How a process went.
struct Ran {
    seconds: f64,
    /// Peak resident memory in MiB, as the kernel counted it for this one child.
    peak: f64,
}

/// Runs the command to its end, its output thrown away; `None` where it is not installed.
fn measure(command: &mut Command) -> Option<Ran> {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let id = i32::try_from(child.id()).expect("a process id fits");
    let mut status = 0;
    // SAFETY: both pointers are to live values of the right types, and nobody else waits for this child.
    let (waited, usage) = unsafe {
        let mut usage: nix::libc::rusage = std::mem::zeroed();
        (nix::libc::wait4(id, &raw mut status, 0, &raw mut usage), usage)
    };
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(waited, id, "the child was waited for");
    // Linux counts KiB, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 << 20 } else { 1 << 10 };
    Some(Ran { seconds, peak: usage.ru_maxrss as f64 / f64::from(unit) })
}

/// The fastest of three, with the largest peak: what else the machine does only makes it slower.
fn best(mut make: impl FnMut() -> Command) -> Option<Ran> {
    let runs: Vec<Ran> = (0..3).filter_map(|_| measure(&mut make())).collect();
    let peak = runs.iter().map(|run| run.peak).fold(0.0, f64::max);
    runs.into_iter().map(|run| run.seconds).min_by(f64::total_cmp).map(|seconds| Ran { seconds, peak })
}

fn whole_process(sizes: &[u64]) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut table = String::from("| log | regreen | | peak memory | ripgrep | | of its speed |\n|---|---|---|---|---|---|---|\n");
    for mib in sizes {
        let path = folder.path().join(format!("{mib}.log"));
        write_log(&path, mib << 20);
        let bytes = std::fs::metadata(&path).expect("the log is there").len() as f64;
        let speed = |ran: &Ran| bytes / 1e6 / ran.seconds;
        let ours = best(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_regreen"));
            command.args(["diagnose", "--format", "json", "--log"]).arg(&path);
            command
        })
        .expect("the binary was built for this benchmark");
        let theirs = best(|| {
            let mut command = Command::new("rg");
            command.args(["-c", "-i", "error|fail|panic|exception|fatal"]).arg(&path);
            command
        });
        let _ = write!(table, "| {mib} MiB | {:.2} s | {:.0} MB/s | {:.1} MiB |", ours.seconds, speed(&ours), ours.peak);
        let _ = match theirs {
            Some(theirs) => writeln!(table, " {:.2} s | {:.0} MB/s | {:.2} |", theirs.seconds, speed(&theirs), speed(&ours) / speed(&theirs)),
            None => writeln!(table, " not installed | | |"),
        };
        std::fs::remove_file(&path).expect("the log can be removed");
    }
    println!("{table}");
}
