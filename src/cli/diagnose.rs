//! `regreen diagnose`: logs in, diagnosis out. No network, no model.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::domain::diagnosis::{Diagnoser, Diagnosis, FileRef, GreenProfile, Options};
use crate::domain::render::diagnosis::{self as render, Face};
use crate::domain::render::terminal::Paint;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;
/// Most directory entries that are looked at under `--repo`.
const ENTRIES: usize = 200_000;

/// What `regreen diagnose` is asked.
#[derive(Debug, Clone, Args)]
pub struct DiagnoseArgs {
    /// The log of a failed job; `-` reads standard input. Several logs of one failure may be given
    #[arg(long, value_name = "FILE", required = true)]
    pub log: Vec<PathBuf>,
    /// The log of the last green run of the same job: what stands in both is noise
    #[arg(long, value_name = "FILE")]
    pub green: Option<PathBuf>,
    /// A checkout: paths in the log are resolved to its files
    #[arg(long, value_name = "PATH")]
    pub repo: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = DiagnoseFormat::Text)]
    pub format: DiagnoseFormat,
    /// All of the excerpt, however long and wide; by default a terminal gets what its window holds
    #[arg(long)]
    pub full: bool,
}

/// How a diagnosis is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiagnoseFormat {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
}

/// Why a diagnosis could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DiagnoseError {
    /// A file could not be opened or read.
    #[error("cannot read `{path}`: {source}; name a readable log, or `-` for standard input")]
    Read {
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The result could not be written.
    #[error("cannot write the diagnosis: {0}")]
    Write(#[from] std::io::Error),
    /// The result could not be serialized.
    #[error("cannot print the diagnosis as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Reads the logs and prints the diagnosis on standard output. `plain` forbids colours even on a terminal.
///
/// # Errors
/// [`DiagnoseError`] if a file cannot be read or the result cannot be written.
pub fn run(args: &DiagnoseArgs, plain: bool) -> Result<ExitCode, DiagnoseError> {
    let diagnosis = diagnosis(args)?;
    let mut out = std::io::stdout().lock();
    let text = match args.format {
        DiagnoseFormat::Json => {
            let mut text = serde_json::to_string(&diagnosis)?;
            text.push('\n');
            text
        }
        DiagnoseFormat::Text => render::diagnosis(&diagnosis, face(args.full, plain)),
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A pager that was closed has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(e) => Err(e.into()),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Reads the logs and makes the diagnosis.
///
/// # Errors
/// [`DiagnoseError::Read`] if a file cannot be read.
pub fn diagnosis(args: &DiagnoseArgs) -> Result<Diagnosis, DiagnoseError> {
    let green = match &args.green {
        Some(path) => {
            let mut profile = GreenProfile::new();
            stream(path, |bytes| profile.push(bytes))?;
            profile.finish();
            Some(profile)
        }
        None => None,
    };
    let options = Options::default();
    let mut diagnoser = match &green {
        Some(green) => Diagnoser::against(options, green),
        None => Diagnoser::new(options),
    };
    for path in &args.log {
        if args.log.len() > 1 {
            diagnoser.job(&path.file_stem().unwrap_or_default().to_string_lossy());
        }
        stream(path, |bytes| diagnoser.push(bytes))?;
    }
    let mut diagnosis = diagnoser.finish();
    if let Some(repo) = &args.repo {
        resolve(&mut diagnosis.files, &listing(repo));
    }
    Ok(diagnosis.redacted())
}

/// Reads a log piece by piece, the next one while this one is looked at.
fn stream(path: &Path, mut take: impl FnMut(&[u8])) -> Result<(), DiagnoseError> {
    let failed = |source| DiagnoseError::Read { path: path.display().to_string(), source };
    let mut input: Box<dyn Read + Send> = if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
    let (filled, pieces) = std::sync::mpsc::sync_channel::<std::io::Result<(Vec<u8>, usize)>>(2);
    let (used, spare) = std::sync::mpsc::sync_channel::<Vec<u8>>(4);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let mut buffer = spare.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
                let piece = match input.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => Ok((buffer, count)),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let last = piece.is_err();
                // Nobody listens any more once an error was told.
                if filled.send(piece).is_err() || last {
                    return;
                }
            }
        });
        for piece in pieces {
            let (buffer, count) = piece.map_err(failed)?;
            take(&buffer[..count]);
            let _ = used.try_send(buffer);
        }
        Ok(())
    })
}

/// The files of a checkout, relative, without what is not its own.
fn listing(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > ENTRIES {
                return files;
            }
            // `file_type` does not follow links, so the walk cannot leave the checkout or go round in it.
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let own = !matches!(name.to_string_lossy().as_ref(), ".git" | "node_modules" | "target" | ".venv" | "__pycache__");
            if kind.is_dir() && own {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(path) = entry.path().strip_prefix(root)
            {
                files.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files
}

/// Names files as the checkout does: `com/acme/A.java` becomes `src/main/java/com/acme/A.java` where only that one
/// fits. What the checkout does not have is left out, unless nothing would be left.
fn resolve(found: &mut Vec<FileRef>, known: &[String]) {
    let mut out: Vec<FileRef> = Vec::new();
    for file in found.iter() {
        let path = file.path.trim_start_matches('/');
        let exact = known.iter().find(|k| *k == path);
        let mut tails = known.iter().filter(|k| {
            let (short, long) = if k.len() < path.len() { (k.as_str(), path) } else { (path, k.as_str()) };
            long.strip_suffix(short).is_some_and(|head| head.is_empty() || head.ends_with('/')) && (k.len() >= path.len() || short.contains('/'))
        });
        let hit = exact.or_else(|| match (tails.next(), tails.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        });
        if let Some(hit) = hit
            && !out.iter().any(|o| o.path == *hit)
        {
            out.push(FileRef { path: hit.clone(), lines: file.lines.clone() });
        }
    }
    if !out.is_empty() {
        *found = out;
    }
}

/// What standard output can show. A pipe or a file takes everything, and no colours.
fn face(full: bool, plain: bool) -> Face {
    let terminal = std::io::stdout().is_terminal();
    let size = terminal_size::terminal_size_of(std::io::stdout()).filter(|_| terminal && !full);
    Face {
        paint: Paint(terminal && !plain),
        width: size.map(|(width, _)| usize::from(width.0)),
        // The prompt comes back below.
        height: size.map(|(_, height)| usize::from(height.0).saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_against_a_checkout() {
        let known = ["src/main/java/com/acme/A.java".to_owned(), "web/src/a.ts".to_owned(), "api/src/a.ts".to_owned()];
        let file = |p: &str| FileRef { path: p.to_owned(), lines: vec![1] };
        let mut found = vec![file("com/acme/A.java"), file("src/a.ts"), file("lib/other.rb")];
        resolve(&mut found, &known);
        assert_eq!(found, vec![file("src/main/java/com/acme/A.java")]);
    }
}
