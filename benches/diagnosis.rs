//! Throughput of the streaming pass over logs of growing size. Memory is that of the process: run
//! `/usr/bin/time -v regreen diagnose --log FILE` for it.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use regreen::domain::diagnosis::{GreenProfile, diagnose};

fn main() {
    divan::main();
}

/// The labelled logs, one after the other, until there are `size` bytes.
fn log(size: usize) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the labelled logs are there")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    names.sort();
    let mut all = Vec::new();
    // Most of a real log is progress: for each labelled one, ten times its size of what a build prints.
    for name in &names {
        let text = std::fs::read(name).expect("the log can be read");
        let quiet = text.len() * 10 / 80;
        for n in 0..quiet {
            all.extend_from_slice(format!("2026-01-02T03:04:05.{n:07}Z [INFO] Downloaded from central: package-{n} (12 kB at 1.2 MB/s)\n").as_bytes());
        }
        all.extend_from_slice(&text);
    }
    let mut out = Vec::with_capacity(size + all.len());
    while out.len() < size {
        out.extend_from_slice(&all);
    }
    out.truncate(size);
    out
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
