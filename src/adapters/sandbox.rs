//! Sandboxes for Linux: bubblewrap where it is installed, regreen's own namespaces where it is not, and a weak one for
//! our own code only.
//!
//! The service starts a *launcher* (bwrap, or regreen again as `regreen __sandbox …`) with an empty environment and
//! three pipes. The launcher builds the walls and runs our innermost process ([`init`]) as process 1, which runs the
//! shell. On the host's side a [`supervisor`] thread counts and kills. What a job sees is listed in [`view`], once for
//! both kinds of walls.
//!
//! The job's user id is that of the service seen through a user namespace: whoever can, runs regreen as an ordinary
//! user.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

mod bwrap;
mod census;
mod disk;
mod init;
mod namespaces;
mod proxy;
mod relay;
mod spec;
mod supervisor;
pub mod toolchains;
mod view;

use proxy::{Proxy, Upstream};
use spec::{Landlock, Relay, Rlimits, Spec};
use supervisor::{Launch, THREADS_A_PROCESS};
use toolchains::{Service, Toolchains};

use crate::ports::sandbox::{HOME, Network, Sandbox, SandboxError, SandboxJob, SandboxKind, SandboxOutcome, ShellCommand, WORKSPACE};

/// The hidden command by which regreen starts itself as a launcher.
pub const REEXEC: &str = "__sandbox";

/// The port of the relay inside.
const RELAY_PORT: u16 = 3128;

/// What a probe may take.
const PROBE_TIME: Duration = Duration::from_secs(20);

/// Where version managers are told that they live.
const MANAGER_VARIABLES: &[&str] =
    &["RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "PYENV_ROOT", "PYENV_VERSION", "RBENV_VERSION", "NODENV_VERSION", "GOENV_VERSION", "JENV_VERSION"];

/// What the sandboxes need to know of the service and the machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The regreen binary.
    pub launcher: PathBuf,
    /// Where private folders of a call are made.
    pub scratch: PathBuf,
    /// Where tools are looked for.
    pub service: Service,
    /// Files of certificate authorities by variable (`SSL_CERT_FILE`, …).
    pub authorities: BTreeMap<String, PathBuf>,
    /// A proxy above ours.
    upstream: Option<Upstream>,
}

impl Options {
    /// Reads what the sandboxes need from this process's environment. `launcher` is the regreen binary.
    #[must_use]
    pub fn from_process(launcher: &Path) -> Self {
        let read = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| read(name).and_then(|value| value.into_string().ok());
        let variables = MANAGER_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), read(name)?)));
        let authorities = view::AUTHORITY_VARIABLES.iter().filter_map(|name| {
            let file = PathBuf::from(read(name)?).canonicalize().ok()?;
            file.is_file().then(|| ((*name).to_owned(), file))
        });
        Self {
            launcher: launcher.canonicalize().unwrap_or_else(|_| launcher.to_owned()),
            scratch: std::env::temp_dir(),
            service: Service {
                path: read("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
                home: read("HOME").map(PathBuf::from),
                variables: variables.collect(),
                extra: Vec::new(),
            },
            authorities: authorities.collect(),
            upstream: ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].iter().find_map(|name| Upstream::parse(&text(name)?)),
        }
    }

    /// Offers further folders with toolchains, read-only. Homes, `/` and folders with credentials are refused.
    #[must_use]
    pub fn with_extra_toolchains(mut self, folders: Vec<PathBuf>) -> Self {
        self.service.extra = folders;
        self
    }
}

/// The strongest sandbox of this machine: bwrap from `PATH` where a probe works, else the built-in namespaces where a
/// probe works, else (only with `allow_weak`) the weak one. Blocks for the probes.
///
/// # Errors
/// [`SandboxError::Refused`] with the remedy, where this machine offers no namespaces.
pub fn detect(launcher: &Path, allow_weak: bool) -> Result<Arc<dyn Sandbox>, SandboxError> {
    detect_with(&Options::from_process(launcher), allow_weak)
}

/// As [`detect`], with all options.
///
/// # Errors
/// As [`detect`].
pub fn detect_with(options: &Options, allow_weak: bool) -> Result<Arc<dyn Sandbox>, SandboxError> {
    sweep(&options.scratch);
    let mut reasons = Vec::new();
    match Bwrap::new(options.clone()) {
        Some(bwrap) => match probe(&bwrap.0) {
            Ok(()) => return Ok(Arc::new(bwrap)),
            Err(reason) => reasons.push(format!("bwrap does not work here ({reason})")),
        },
        None => reasons.push("bwrap is not installed".to_owned()),
    }
    let namespaces = Namespaces::new(options.clone());
    match probe(&namespaces.0) {
        Ok(()) => return Ok(Arc::new(namespaces)),
        Err(reason) => reasons.push(format!("user namespaces do not work here ({reason})")),
    }
    if allow_weak {
        return Ok(Arc::new(Weak::new(options.clone())));
    }
    Err(SandboxError::Refused {
        reason: reasons.join("; "),
        remedy: "install bubblewrap and allow user namespaces (sysctl user.max_user_namespaces above 0, \
                 kernel.apparmor_restrict_unprivileged_userns=0 or a profile for bwrap; in a container a seccomp profile \
                 that permits them), or set prove = \"ci\""
            .to_owned(),
    })
}

/// Whether a trivial job comes back green.
fn probe(walls: &Walls) -> Result<(), String> {
    let make = || -> io::Result<tempfile::TempDir> {
        let base = tempfile::Builder::new().prefix("regreen-probe-").tempdir_in(&walls.options.scratch)?;
        fs::create_dir(base.path().join("tree"))?;
        fs::create_dir(base.path().join("home"))?;
        Ok(base)
    };
    let base = make().map_err(|error| format!("{}: {error}", walls.options.scratch.display()))?;
    let command = ShellCommand { shell: crate::ports::sandbox::Shell::Sh, script: "exit 0\n".to_owned() };
    let mut job = SandboxJob::new(base.path().join("tree"), base.path().join("home"), command);
    job.limits.wall = PROBE_TIME;
    let launch = walls.launch(&job, None).map_err(|error| error.to_string())?;
    match supervisor::supervise(launch, &Arc::new(AtomicBool::new(false))) {
        Ok(outcome) if outcome.exit.is_success() => Ok(()),
        Ok(outcome) => Err(format!("a probe ended with {:?}", outcome.exit)),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs what [`REEXEC`] means, if this process was started for it. Must be the first thing in `main`: before any
/// thread, runtime, configuration or log.
#[must_use]
pub fn reexec() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()?.as_os_str() != OsStr::new(REEXEC) {
        return None;
    }
    let mode = arguments.next().unwrap_or_default();
    let spec = match init::read_spec() {
        Ok(spec) => spec,
        Err(reason) => {
            use io::Write;
            let _ = writeln!(io::stderr(), "regreen {REEXEC}: {reason}; it is started by regreen itself only");
            return Some(ExitCode::from(2));
        }
    };
    Some(match mode.to_str() {
        Some("namespaces") => namespaces::launch(spec),
        Some("init") => {
            let reporter = init::Reporter::adopt(spec.status_fd);
            init::run(spec, reporter, init::Walls::Namespaces)
        }
        Some("guardian") => {
            let reporter = init::Reporter::adopt(spec.status_fd);
            init::run(spec, reporter, init::Walls::None)
        }
        _ => ExitCode::from(2),
    })
}

/// Namespaces set up by bubblewrap.
#[derive(Debug)]
pub struct Bwrap(Arc<Walls>);

impl Bwrap {
    /// Uses the first `bwrap` on the service's `PATH`; `None` where there is none. Whether it works is another question.
    #[must_use]
    pub fn new(options: Options) -> Option<Self> {
        let folders = options.service.path.iter().filter(|folder| folder.is_absolute());
        let program = folders
            .map(|folder| folder.join("bwrap"))
            .find(|program| fs::metadata(program).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0))?;
        Some(Self(Arc::new(Walls::new(options, SandboxKind::Bwrap, program))))
    }

    /// What was found for jobs to use.
    #[must_use]
    pub fn toolchains(&self) -> &Toolchains {
        self.0.toolchains()
    }
}

/// Namespaces set up by regreen itself (Linux 5.12 or newer).
#[derive(Debug)]
pub struct Namespaces(Arc<Walls>);

impl Namespaces {
    /// Whether they work on this machine is another question.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let program = options.launcher.clone();
        Self(Arc::new(Walls::new(options, SandboxKind::Namespaces, program)))
    }

    /// What was found for jobs to use.
    #[must_use]
    pub fn toolchains(&self) -> &Toolchains {
        self.0.toolchains()
    }
}

/// No namespaces: an empty environment, bounds, Landlock where the kernel has it, and a guardian that kills what is
/// left. The tree and the home appear at their host paths. Only for code we wrote ourselves.
#[derive(Debug)]
pub struct Weak(Arc<Walls>);

impl Weak {
    /// Works on any Linux.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let program = options.launcher.clone();
        Self(Arc::new(Walls::new(options, SandboxKind::Weak, program)))
    }
}

#[async_trait]
impl Sandbox for Bwrap {
    fn kind(&self) -> SandboxKind {
        SandboxKind::Bwrap
    }

    async fn run(&self, job: &SandboxJob, stop: &CancellationToken) -> Result<SandboxOutcome, SandboxError> {
        self.0.run(job, stop).await
    }
}

#[async_trait]
impl Sandbox for Namespaces {
    fn kind(&self) -> SandboxKind {
        SandboxKind::Namespaces
    }

    async fn run(&self, job: &SandboxJob, stop: &CancellationToken) -> Result<SandboxOutcome, SandboxError> {
        self.0.run(job, stop).await
    }
}

#[async_trait]
impl Sandbox for Weak {
    fn kind(&self) -> SandboxKind {
        SandboxKind::Weak
    }

    async fn run(&self, job: &SandboxJob, stop: &CancellationToken) -> Result<SandboxOutcome, SandboxError> {
        self.0.run(job, stop).await
    }
}

/// What the three kinds have in common.
#[derive(Debug)]
struct Walls {
    options: Options,
    kind: SandboxKind,
    /// What is started.
    program: PathBuf,
    /// Found once: looking costs some tens of milliseconds.
    toolchains: OnceLock<Toolchains>,
}

/// Ends the supervisor's job when the caller goes away.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Walls {
    fn new(options: Options, kind: SandboxKind, program: PathBuf) -> Self {
        Self { options, kind, program, toolchains: OnceLock::new() }
    }

    fn toolchains(&self) -> &Toolchains {
        self.toolchains.get_or_init(|| toolchains::find(&self.options.service))
    }

    async fn run(self: &Arc<Self>, job: &SandboxJob, stop: &CancellationToken) -> Result<SandboxOutcome, SandboxError> {
        job.validate()?;
        let mut way_out = None;
        if let Network::Hosts(hosts) = &job.network {
            let folder = PrivateFolder::new(&self.options.scratch)?;
            let socket = folder.path().join("proxy.sock");
            let proxy =
                Proxy::start(&socket, hosts.clone(), self.options.upstream.clone()).map_err(SandboxError::io(format!("listen on `{}`", socket.display())))?;
            way_out = Some((proxy, socket, folder));
        }
        let socket = way_out.as_ref().map(|(_, socket, _)| socket.clone());
        let (walls, job) = (Arc::clone(self), job.clone());
        let flag = Arc::new(AtomicBool::new(false));
        let guard = StopOnDrop(Arc::clone(&flag));
        let (done, mut outcome) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                let launch = walls.launch(&job, socket.as_deref());
                // Nobody may be waiting any more; then the job was stopped, and its end is all that matters.
                let _ = done.send(launch.and_then(|launch| supervisor::supervise(launch, &flag)));
            })
            .map_err(SandboxError::io("start a supervisor"))?;
        let result = tokio::select! {
            result = &mut outcome => result,
            () = stop.cancelled() => {
                guard.0.store(true, Ordering::Relaxed);
                outcome.await
            }
        };
        let mut outcome = result.map_err(|_| SandboxError::Setup { reason: "the supervisor panicked".to_owned() })??;
        if let Some((proxy, _, _folder)) = way_out {
            outcome.hosts = proxy.finish();
        }
        Ok(outcome)
    }

    /// Puts everything for one job together.
    fn launch(&self, job: &SandboxJob, socket: Option<&Path>) -> Result<Launch, SandboxError> {
        job.validate()?;
        let real = |path: &Path, what: &str| path.canonicalize().map_err(SandboxError::io(format!("look at the {what} `{}`", path.display())));
        let (tree, home) = (real(&job.tree, "tree")?, real(&job.home, "home")?);
        if tree.starts_with(&home) || home.starts_with(&tree) {
            return Err(SandboxError::Invalid { what: format!("home `{}`", home.display()), reason: "it and the tree must not lie in each other".to_owned() });
        }
        let directory = inside_tree(&tree, &job.directory)?;
        let scratch = PrivateFolder::new(&self.options.scratch)?;
        let scratch_path = real(scratch.path(), "private folder")?;
        let view = view::View {
            tree: &tree,
            home: &home,
            scratch: &scratch_path,
            launcher: &self.options.launcher,
            socket,
            toolchains: self.toolchains(),
            authorities: &self.options.authorities,
            disk_bytes: job.limits.disk_bytes,
        };
        let isolated = self.kind != SandboxKind::Weak;
        let mut folders = vec![tree.clone(), home.clone()];
        let (mounts, mut env, temporary, workspace) = if isolated {
            let inside = view.inside().map_err(SandboxError::io("write the files of the sandbox"))?;
            (inside.mounts, inside.env, PathBuf::from("/tmp"), PathBuf::from(WORKSPACE))
        } else {
            let temporary = scratch_path.join("tmp");
            let lone = scratch_path.join("bin");
            self.lone_links(&temporary, &lone).map_err(SandboxError::io("write the files of the sandbox"))?;
            folders.push(temporary.clone());
            (Vec::new(), view.host_env(&temporary, &lone), temporary, tree.clone())
        };
        env.extend(job.env.clone());
        let file = temporary.join(format!(".regreen-step.{}", job.command.shell.extension()));
        let argv = job.command.shell.argv(&file.to_string_lossy())?;
        let landlock = self.landlock(&tree, &home, &scratch_path, &temporary);
        let arguments: Vec<OsString> = match self.kind {
            SandboxKind::Bwrap => bwrap::arguments(&mounts),
            SandboxKind::Namespaces => vec![REEXEC.into(), "namespaces".into()],
            SandboxKind::Weak => vec![REEXEC.into(), "guardian".into()],
        };
        let relay = socket.map(|socket| Relay {
            socket: if isolated { Path::new(view::OWN).join("proxy.sock") } else { socket.to_owned() },
            port: if isolated { RELAY_PORT } else { 0 },
            no_proxy: no_proxy(&job.network),
        });
        let spec = Spec {
            // bwrap has them as arguments.
            mounts: if self.kind == SandboxKind::Namespaces { mounts } else { Vec::new() },
            argv,
            script: (file, job.command.script.clone()),
            directory: workspace.join(directory),
            env,
            rlimits: Rlimits {
                cpu_seconds: job.limits.cpu.as_secs().max(1),
                file_bytes: job.limits.file_bytes,
                tasks: isolated.then_some(u64::from(job.limits.processes) * THREADS_A_PROCESS),
            },
            relay,
            landlock,
            status_fd: -1,
        };
        Ok(Launch { program: self.program.clone(), arguments, spec, scratch, limits: job.limits, folders, guardian: !isolated })
    }

    fn landlock(&self, tree: &Path, home: &Path, scratch: &Path, temporary: &Path) -> Landlock {
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        if self.kind != SandboxKind::Weak {
            // The walls decide what is there at all. Nothing of /proc is written, a second time.
            return Landlock { read: paths(&["/"]), write: paths(&[WORKSPACE, HOME, "/tmp", "/dev"]), deny_tcp: false };
        }
        let mut read = paths(&["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/etc", "/opt", "/proc"]);
        read.push(scratch.join("bin"));
        read.extend(self.toolchains().roots.iter().cloned());
        read.extend(self.toolchains().lone.values().cloned());
        read.extend(self.options.authorities.values().cloned());
        let mut write = paths(&["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm"]);
        write.extend([tree.to_owned(), home.to_owned(), temporary.to_owned()]);
        Landlock { read, write, deny_tcp: true }
    }

    /// For the weak sandbox: a temporary folder, and a folder with links to programs without an installation.
    fn lone_links(&self, temporary: &Path, lone: &Path) -> io::Result<()> {
        fs::create_dir(temporary)?;
        fs::create_dir(lone)?;
        for (name, file) in &self.toolchains().lone {
            symlink(file, lone.join(name))?;
        }
        Ok(())
    }
}

/// How the private folders of calls are named.
const BOX_PREFIX: &str = "regreen-box-";

/// A folder that only we can enter, locked while we live and removed at the end.
#[derive(Debug)]
struct PrivateFolder {
    folder: tempfile::TempDir,
    /// Held so that [`sweep`] of another process leaves the folder alone.
    _lock: fs::File,
}

impl PrivateFolder {
    fn new(place: &Path) -> Result<Self, SandboxError> {
        let make = || {
            let folder = tempfile::Builder::new().prefix(BOX_PREFIX).permissions(fs::Permissions::from_mode(0o700)).tempdir_in(place)?;
            let lock = fs::File::create(folder.path().join("lock"))?;
            lock.lock()?;
            Ok(Self { folder, _lock: lock })
        };
        make().map_err(SandboxError::io(format!("create a folder in `{}`", place.display())))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the private folders of services that were killed. Nobody holds their locks any more.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_box = entry.file_name().to_str().is_some_and(|name| name.starts_with(BOX_PREFIX));
        // Not following links: anyone may put something of this name into a shared temporary folder.
        if !is_box || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = fs::OpenOptions::new().write(true).open(entry.path().join("lock")) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            // What can't be removed now may be removed later, or by the system's own sweep.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The real place of `directory` relative to `tree`; links that lead out of the tree are refused.
fn inside_tree(tree: &Path, directory: &Path) -> Result<PathBuf, SandboxError> {
    let invalid =
        |reason: &str| SandboxError::Invalid { what: format!("directory `{}`", directory.display().to_string().escape_debug()), reason: reason.to_owned() };
    let real = tree.join(directory).canonicalize().map_err(|_| invalid("it does not exist"))?;
    let below = real.strip_prefix(tree).map_err(|_| invalid("it leads out of the repository"))?;
    if !real.is_dir() {
        return Err(invalid("it is not a directory"));
    }
    Ok(below.to_owned())
}

/// Loopback is the job's own, but for a mirror of the operator that is listed with its port.
fn no_proxy(network: &Network) -> String {
    let listed = |name: &str| match network {
        Network::Hosts(hosts) => hosts.iter().any(|host| host.name() == name),
        Network::None => false,
    };
    let own = ["localhost", "127.0.0.1", "::1"].into_iter().filter(|name| !listed(name));
    own.collect::<Vec<_>>().join(",")
}
