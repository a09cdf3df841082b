//! The files in which a runner writes down its results: where they go, and which of them this very run wrote.
//!
//! Untrusted code has run when they are read, and its processes are dead. No link is followed, and number and size are bounded.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::workspace::{Ran, beneath, blocking};
use crate::domain::proof::results::{MAX_BYTES, MAX_FILE_BYTES, MAX_FILES};
use crate::domain::proof::{Exit, Reports, Results, TestReport};
use crate::ports::sandbox::HOME;

/// More entries of a tree are not looked through.
const MAX_ENTRIES: usize = 500_000;

/// A folder for one run's reports, new and with a name that nobody can know before.
pub struct Place {
    folder: PathBuf,
    /// As the run sees it.
    pub inside: String,
}

impl Place {
    /// Makes it in the temporary folder of a home; nothing where that can't be, since a set-up may have put a link there.
    pub async fn new(home: &Path) -> Option<Self> {
        let home = home.to_owned();
        blocking(move || {
            let folder = tempfile::Builder::new().prefix("results-").rand_bytes(20).tempdir_in(beneath(&home, "tmp/x")?.parent().unwrap_or(&home))?.keep();
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            Ok(Self { inside: format!("{HOME}/tmp/{name}"), folder })
        })
        .await
        .ok()
    }
}

/// What tells a file that was written anew from the one that was there before.
type Stamp = (u64, u64, i64, i64);

/// Report files of the tree before a run: some are in the repository, or were left by a set-up.
pub async fn listed(tree: &Path, reports: Reports) -> BTreeMap<PathBuf, Stamp> {
    let tree = tree.to_owned();
    match reports {
        Reports::InTree { .. } => blocking(move || stamps(&tree, reports)).await.unwrap_or_default(),
        Reports::None | Reports::InFolder { .. } => BTreeMap::new(),
    }
}

/// Reads what a run wrote; nothing where nothing was asked for.
pub async fn read(tree: &Path, place: &Place, reports: Reports, before: BTreeMap<PathBuf, Stamp>) -> Option<Results> {
    let (tree, folder) = (tree.to_owned(), place.folder.clone());
    let read = blocking(move || {
        let (form, paths) = match reports {
            Reports::None => return Ok(None),
            Reports::InFolder { ending, form } => (form, in_folder(&folder, ending)?),
            Reports::InTree { form, .. } => {
                (form, stamps(&tree, reports)?.into_iter().filter(|(path, stamp)| before.get(path) != Some(stamp)).map(|(path, _)| path).collect())
            }
        };
        let mut files = Vec::new();
        // One more than may be, so that too much is told from all there is.
        let mut left = MAX_BYTES + 1;
        for path in paths.into_iter().take(MAX_FILES + 1) {
            let mut bytes = Vec::new();
            std::fs::File::open(&path)?.take(left.min(MAX_FILE_BYTES + 1) as u64).read_to_end(&mut bytes)?;
            left = left.saturating_sub(bytes.len());
            files.push(bytes);
        }
        Ok(Some(Results::read(form, &files)))
    })
    .await;
    read.unwrap_or_else(|error| Some(Results::NotUsed(format!("it could not be read: {}", error.kind()))))
}

fn in_folder(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    if !folder.symlink_metadata()?.is_dir() {
        return Err(std::io::Error::other("it is no folder any more"));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(MAX_FILES + 1) {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.path().extension().is_some_and(|own| own == ending) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn stamps(tree: &Path, reports: Reports) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let (mut found, mut folders, mut entries) = (BTreeMap::new(), vec![tree.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(std::io::Error::other("the tree is too large"));
            }
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(path);
            } else if kind.is_file() && path.strip_prefix(tree).ok().and_then(Path::to_str).is_some_and(|path| reports.is_in_tree(path)) {
                let meta = entry.metadata()?;
                found.insert(path, (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()));
            }
        }
    }
    Ok(found)
}

/// Whether a run ended before any test, so that it may have been what was asked of the runner that ended it.
pub fn may_not_have_been_understood(script: &str, ran: &Ran) -> bool {
    let red = matches!(ran.exit, Exit::Code(code) if code != 0);
    red && !matches!(ran.results, Some(Results::Read(_))) && TestReport::read(script, &ran.output).ran == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proof::results::Form;

    const MAVEN: Reports = Reports::InTree { ends: &["target/surefire-reports/TEST-*.xml"], form: Form::Junit };
    const GREEN: &str = "<testsuite><testcase classname='a.B' name='c'/></testsuite>";

    #[tokio::test]
    async fn only_what_this_run_wrote_is_read() {
        let base = tempfile::tempdir().unwrap();
        let (tree, home) = (base.path().join("tree"), base.path().join("home"));
        let folder = tree.join("core/target/surefire-reports");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(home.join("tmp")).unwrap();
        std::fs::write(folder.join("TEST-committed.xml"), GREEN).unwrap();
        let place = Place::new(&home).await.unwrap();
        let before = listed(&tree, MAVEN).await;
        assert_eq!(before.len(), 1);
        assert!(matches!(read(&tree, &place, MAVEN, before.clone()).await, Some(Results::NotUsed(_))), "what was there before is no report of this run");
        std::fs::write(folder.join("TEST-fresh.xml"), GREEN).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("TEST-link.xml")).unwrap();
        assert!(matches!(read(&tree, &place, MAVEN, before).await, Some(Results::Read(_))));
    }

    #[tokio::test]
    async fn a_folder_that_a_link_took_the_place_of_is_not_read() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().join("home");
        std::fs::create_dir_all(home.join("tmp")).unwrap();
        let xml = Reports::InFolder { ending: "xml", form: Form::Junit };
        let place = Place::new(&home).await.unwrap();
        std::fs::write(place.folder.join("report.xml"), GREEN).unwrap();
        assert!(matches!(read(base.path(), &place, xml, BTreeMap::new()).await, Some(Results::Read(_))));
        let elsewhere = base.path().join("elsewhere");
        std::fs::rename(&place.folder, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &place.folder).unwrap();
        assert!(matches!(read(base.path(), &place, xml, BTreeMap::new()).await, Some(Results::NotUsed(_))));
        // Nor is one made behind a link.
        std::fs::rename(home.join("tmp"), base.path().join("outside")).unwrap();
        std::os::unix::fs::symlink(base.path().join("outside"), home.join("tmp")).unwrap();
        assert!(Place::new(&home).await.is_none());
    }
}
