//! The host's side of one running job: starts the launcher, reads what is printed, counts what is used, and ends it.
//!
//! It is one thread a job, not a task: the kernel kills the launcher when the *thread* that started it ends
//! (`PR_SET_PDEATHSIG`), and a runtime that is busy must not delay a kill.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::File,
    io::{self, PipeReader, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, RawFd},
        unix::process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    PrivateFolder, census,
    disk::DiskWatch,
    spec::{Spec, Status},
};
use crate::ports::sandbox::{Exit, LimitKind, Limits, SandboxError, SandboxOutcome};

/// Time between two looks at the process tree.
const LOOK: Duration = Duration::from_millis(100);

/// The same while a job comes close to a bound.
const CLOSE_LOOK: Duration = Duration::from_millis(20);

/// How long a killed job may take to be gone before the next harder means.
const GRACE: Duration = Duration::from_secs(2);

/// How much of a launcher's complaint is kept.
const COMPLAINT_BYTES: usize = 2000;

/// Threads for each process that is allowed.
pub const THREADS_A_PROCESS: u64 = 8;

/// One job, ready to start.
#[derive(Debug)]
pub struct Launch {
    /// `bwrap`, or regreen itself.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What it reads on standard input; the status descriptor is filled in here.
    pub spec: Spec,
    /// Private folder of this call; removed when the job has ended.
    pub scratch: PrivateFolder,
    /// The bounds.
    pub limits: Limits,
    /// Folders whose growth counts.
    pub folders: Vec<PathBuf>,
    /// Whether the launcher is a guardian that must be asked to kill, since nothing else knows the whole tree.
    pub guardian: bool,
}

/// Runs the job to its end. Blocks.
///
/// # Errors
/// When it could not be started, or its walls did not come up.
pub fn supervise(mut launch: Launch, stop: &Arc<AtomicBool>) -> Result<SandboxOutcome, SandboxError> {
    let (output, output_end) = io::pipe().map_err(SandboxError::io("open a pipe"))?;
    let (status, status_end) = io::pipe().map_err(SandboxError::io("open a pipe"))?;
    launch.spec.status_fd = status_end.as_raw_fd();
    let spec = launch.scratch.path().join("spec.json");
    let text = serde_json::to_vec(&launch.spec).map_err(|error| SandboxError::Setup { reason: format!("a path is not UTF-8: {error}") })?;
    File::create(&spec).and_then(|mut file| file.write_all(&text)).map_err(SandboxError::io("write the specification"))?;
    let input = File::open(&spec).map_err(SandboxError::io("open the specification"))?;

    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(input)
        .stdout(output_end.try_clone().map_err(SandboxError::io("share a pipe"))?)
        .stderr(output_end);
    let service = std::process::id();
    let keep = status_end.as_raw_fd();
    let death = if launch.guardian { libc::SIGTERM } else { libc::SIGKILL };
    // SAFETY: the closure makes only system calls, with integers, which is what is allowed between fork and exec in a
    // process with threads.
    unsafe {
        command.pre_exec(move || prepare_child(service, keep, death));
    }
    let started = Instant::now();
    let child = command.spawn().map_err(SandboxError::io(format!("start `{}`", launch.program.display())))?;
    // Our copies of the writing ends must go, or their readers never see an end.
    drop(command);
    drop(status_end);

    put_first(0);
    let disk = DiskWatch::default();
    std::thread::scope(|scope| {
        scope.spawn(|| disk.run(&launch.folders, launch.limits.disk_bytes));
        let result = Watch {
            child,
            launch: &launch,
            stop,
            disk: &disk,
            output: Some(output),
            status: Some(status),
            kept: Kept::new(launch.limits.output_bytes),
            status_text: Vec::new(),
            ended_by: None,
            peak_memory: None,
            peak_processes: 0,
            host_memory: census::HostMemory::look(),
        }
        .run(started);
        disk.end();
        result
    })
}

/// Schedules a process (0: this thread) before all ordinary ones, where we are allowed to.
///
/// A fork bomb of a service that runs as root is bounded by nothing but us, and with ten thousand processes in the
/// queue everyone else's turn comes after half a minute: too late for the one that counts, and for process 1, which
/// kills the others in its own time.
fn put_first(pid: i32) {
    let parameters = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: `parameters` outlives the call; the other arguments are integers.
    let done = unsafe { libc::sched_setscheduler(pid, policy, &raw const parameters) };
    if done != 0 {
        // SAFETY: integers only. Refused too for ordinary users, whose jobs the kernel bounds instead.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, pid.cast_unsigned(), -15) };
    }
}

/// Between fork and exec: own session, death with the service, and no inherited descriptor but the four we mean.
fn prepare_child(service: u32, keep: RawFd, death: libc::c_int) -> io::Result<()> {
    // SAFETY: system calls with integers only.
    unsafe {
        Errno::result(libc::setsid())?;
        Errno::result(libc::prctl(libc::PR_SET_PDEATHSIG, death))?;
        if libc::getppid() as u32 != service {
            // The service died before the line above.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        libc::umask(0o022);
        // Libraries in C open descriptors that would be inherited. Only marked: the standard library still needs its own.
        let mark = |from: RawFd, to: libc::c_uint| {
            libc::syscall(libc::SYS_close_range, from, to, libc::CLOSE_RANGE_CLOEXEC);
        };
        if keep > 3 {
            mark(3, keep as libc::c_uint - 1);
        }
        mark(keep + 1, libc::c_uint::MAX);
        Errno::result(libc::fcntl(keep, libc::F_SETFD, 0))?;
    }
    Ok(())
}

struct Watch<'a> {
    child: Child,
    launch: &'a Launch,
    stop: &'a AtomicBool,
    disk: &'a DiskWatch,
    output: Option<PipeReader>,
    status: Option<PipeReader>,
    kept: Kept,
    status_text: Vec<u8>,
    ended_by: Option<Exit>,
    peak_memory: Option<u64>,
    peak_processes: u32,
    /// The host's memory at the start.
    host_memory: Option<census::HostMemory>,
}

impl Watch<'_> {
    fn run(mut self, started: Instant) -> Result<SandboxOutcome, SandboxError> {
        for reader in [&self.output, &self.status].into_iter().flatten() {
            set_nonblocking(reader).map_err(SandboxError::io("prepare a pipe"))?;
        }
        let mut next_look = started + CLOSE_LOOK;
        // The status pipe closes when the launcher and process 1 are gone: that is the end of the job.
        while self.status.is_some() {
            let now = Instant::now();
            if self.stop.load(Ordering::Relaxed) {
                self.ended_by = Some(Exit::Stopped);
            } else if now >= started + self.launch.limits.wall {
                self.ended_by = Some(Exit::Limit(LimitKind::Wall));
            } else if self.disk.is_over() {
                self.ended_by = Some(Exit::Limit(LimitKind::Disk));
            } else if self.kept.is_over() {
                self.ended_by = Some(Exit::Limit(LimitKind::Output));
            } else if now >= next_look {
                let (limit, close) = self.look();
                self.ended_by = limit.map(Exit::Limit);
                next_look = Instant::now() + if close { CLOSE_LOOK } else { LOOK };
            }
            if self.ended_by.is_some() {
                self.kill();
                break;
            }
            let deadline = next_look.min(started + self.launch.limits.wall);
            self.read(deadline.saturating_duration_since(Instant::now()));
        }
        let launcher = self.child.wait().map_err(SandboxError::io("wait for the launcher"))?;
        // Everyone who could write is dead; what they wrote may still lie in the pipe.
        let drained = Instant::now() + GRACE;
        while (self.output.is_some() || self.status.is_some()) && Instant::now() < drained {
            self.read(Duration::from_millis(50));
        }
        let exit = match self.ended_by {
            Some(exit) => exit,
            None => self.reported().map_err(|reason| SandboxError::Setup {
                reason: if reason.is_empty() { format!("the launcher ended with {launcher}: {}", self.kept.complaint()) } else { reason },
            })?,
        };
        let (output, truncated) = self.kept.finish();
        Ok(SandboxOutcome {
            exit,
            output,
            truncated,
            duration: started.elapsed(),
            peak_memory_bytes: self.peak_memory,
            peak_processes: self.peak_processes,
            hosts: Vec::new(),
        })
    }

    /// Waits for something to read, at most so long, and reads it.
    fn read(&mut self, wait: Duration) {
        let mut polled = Vec::new();
        for reader in [&self.output, &self.status].into_iter().flatten() {
            polled.push(PollFd::new(reader.as_fd(), PollFlags::POLLIN));
        }
        // Rounded up: a wait of zero milliseconds would spin until the deadline.
        let wait = PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        // An interrupted wait is as good as one that ended.
        let _ = poll(&mut polled, wait);
        let kept = &mut self.kept;
        drain(&mut self.output, |bytes| kept.take(bytes));
        let text = &mut self.status_text;
        drain(&mut self.status, |bytes| text.extend(bytes.iter().take(16 << 10)));
    }

    /// Counts the tree; says which bound is reached, and whether one is near.
    fn look(&mut self) -> (Option<LimitKind>, bool) {
        let limits = &self.launch.limits;
        let root = self.child.id().cast_signed();
        let most = limits.processes as usize;
        // Not the job's own: process 1 (without a guardian that is the root itself) and the relay.
        let ours = usize::from(!self.launch.guardian) + usize::from(self.launch.spec.relay.is_some());
        let census = census::take(root, most + ours);
        let processes = census.pids.len().saturating_sub(ours);
        self.peak_processes = self.peak_processes.max(u32::try_from(processes).unwrap_or(u32::MAX));
        let mut memory = census.resident_bytes;
        let threads = most as u64 * THREADS_A_PROCESS;
        if processes > most || census.threads > threads {
            return (Some(LimitKind::Processes), false);
        }
        if memory > limits.memory_bytes {
            // Pages shared between forks were counted for each: look closer before judging.
            memory = census::proportional_bytes(&census.pids);
        }
        self.peak_memory = self.peak_memory.max(Some(memory));
        if memory > limits.memory_bytes {
            return (Some(LimitKind::Memory), false);
        }
        // Memory files count for no process: when the host runs dry, a job that may have filled them goes, before the
        // kernel has to choose.
        if let (Some(host), Some(start)) = (census::HostMemory::look(), self.host_memory)
            && host.is_scarce()
            && memory + host.shared.saturating_sub(start.shared) > limits.memory_bytes / 2
        {
            return (Some(LimitKind::Memory), false);
        }
        if census.cpu > limits.cpu {
            return (Some(LimitKind::Cpu), false);
        }
        (None, memory > limits.memory_bytes / 2 || processes > most / 2)
    }

    /// Kills the whole tree and returns when it is gone.
    fn kill(&mut self) {
        let root = self.child.id().cast_signed();
        if self.launch.guardian {
            put_first(root);
            let _ = kill(Pid::from_raw(root), Signal::SIGTERM);
        } else {
            // Process 1 first: the launcher reaps it only after the kernel has killed everyone else, so that the
            // launcher's end then means the end of all. Before it exists, there is only the launcher.
            let first = census::children(root);
            for pid in &first {
                put_first(*pid);
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            if first.is_empty() {
                let _ = self.child.kill();
            }
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            self.read(Duration::from_millis(5));
        }
        // Too slow, or it resists. A guardian without its knowledge: everyone that can be found, then itself.
        if self.launch.guardian {
            for pid in census::descendants(root, usize::MAX - 1) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        let _ = self.child.kill();
    }

    /// What the inner side said last; an empty reason where it said nothing.
    fn reported(&self) -> Result<Exit, String> {
        let lines = self.status_text.split(|byte| *byte == b'\n');
        let said: Vec<Status> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        match said.last() {
            Some(Status::Code(code)) => Ok(Exit::Code(*code)),
            // The kernel's own bound on one process's time, seen before our sum was.
            Some(Status::Signal(libc::SIGXCPU)) => Ok(Exit::Limit(LimitKind::Cpu)),
            Some(Status::Signal(signal)) => Ok(Exit::Signal(*signal)),
            Some(Status::Failed(reason)) => Err(reason.chars().take(COMPLAINT_BYTES).flat_map(char::escape_debug).collect()),
            // The walls stood and then fell without our doing: somebody outside killed them.
            Some(Status::Started) => Ok(Exit::Signal(libc::SIGKILL)),
            None => Err(String::new()),
        }
    }
}

fn set_nonblocking(reader: &PipeReader) -> io::Result<()> {
    // SAFETY: plain system call on a descriptor that outlives it; a pipe has no other status flags to keep.
    Errno::result(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok(())
}

/// Reads what is there, up to a share that leaves time to look at the tree; the end or an error closes the reader.
fn drain(reader: &mut Option<PipeReader>, mut take: impl FnMut(&[u8])) {
    let mut buffer = [0; 64 << 10];
    for _ in 0..16 {
        let Some(open) = reader else { return };
        match open.read(&mut buffer) {
            Ok(0) => *reader = None,
            Ok(read) => take(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *reader = None,
        }
    }
}

/// The head and the tail of what was printed.
#[derive(Debug)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// Of head and of tail.
    half: usize,
    total: u64,
    cap: u64,
}

impl Kept {
    fn new(cap: u64) -> Self {
        let half = usize::try_from(cap / 2).unwrap_or(usize::MAX);
        Self { head: Vec::new(), tail: VecDeque::new(), half, total: 0, cap }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let beyond = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..beyond);
    }

    fn is_over(&self) -> bool {
        self.total > self.cap
    }

    fn finish(mut self) -> (Vec<u8>, bool) {
        let lost = self.total - (self.head.len() + self.tail.len()) as u64;
        if lost > 0 {
            self.head.extend_from_slice(format!("\n[regreen: {lost} bytes left out here]\n").as_bytes());
        }
        self.head.extend(self.tail);
        (self.head, lost > 0)
    }

    /// The beginning as text that is safe to show.
    fn complaint(&self) -> String {
        let head = &self.head[..self.head.len().min(COMPLAINT_BYTES)];
        String::from_utf8_lossy(head).trim().escape_debug().to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the pieces: nothing is lost below the cap, and above it head and tail are the real ones.
        #[test]
        fn head_and_tail_are_kept(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20), cap in 2u64..200) {
            let mut kept = Kept::new(cap);
            let whole = pieces.concat();
            for piece in &pieces {
                kept.take(piece);
            }
            let over = kept.is_over();
            let half = (cap / 2) as usize;
            let (output, truncated) = kept.finish();
            prop_assert_eq!(over, whole.len() as u64 > cap);
            if whole.len() <= half * 2 {
                prop_assert_eq!(output, whole);
                prop_assert!(!truncated);
            } else {
                prop_assert!(truncated);
                prop_assert!(output.starts_with(&whole[..half]));
                prop_assert!(output.ends_with(&whole[whole.len() - half..]));
            }
        }
    }
}
