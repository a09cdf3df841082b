//! A git server for tests: `git http-backend` behind axum, with basic auth and faults on demand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine as _;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;

pub const TOKEN: &str = "the-right-token";

/// What goes wrong, until it is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Every request is answered with this status.
    Status(u16),
    /// Every request is answered with a redirect to this address and the same path.
    Redirect(String),
    /// No request is answered.
    Silence,
    /// A pack breaks off after this many bytes of the answer.
    CutPack(usize),
    /// A pack stops after this many bytes, and the connection stays open.
    StallPack(usize),
    /// A pack comes byte by byte, one each ten milliseconds.
    DripPack,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<String>>,
    logins: Mutex<Vec<String>>,
    stalled: Notify,
}

/// A running server; it ends with its runtime.
#[derive(Debug, Clone)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Serves the repositories below `root`.
    pub async fn start(root: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { root: root.to_owned(), fault: Mutex::default(), requests: Mutex::default(), logins: Mutex::default(), stalled: Notify::new() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub fn url(&self, path: &str) -> url::Url {
        format!("http://{}/{path}", self.address).parse().unwrap()
    }

    pub fn fail(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// All requests so far, as `METHOD path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// All `Authorization` headers so far.
    pub fn logins(&self) -> Vec<String> {
        self.shared.logins.lock().unwrap().clone()
    }

    /// Waits until a pack has stalled.
    pub async fn stalled(&self) {
        tokio::time::timeout(std::time::Duration::from_secs(20), self.shared.stalled.notified()).await.expect("no pack stalled");
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    shared.requests.lock().unwrap().push(format!("{} {target}", parts.method));
    let login = parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_owned());
    shared.logins.lock().unwrap().extend(login.clone());

    let plain = |status: u16| Response::builder().status(status);
    let fault = shared.fault.lock().unwrap().clone();
    match &fault {
        Fault::Status(status) => return plain(*status).body(Body::empty()).unwrap(),
        Fault::Redirect(to) => return plain(302).header(header::LOCATION, format!("{to}{target}")).body(Body::empty()).unwrap(),
        Fault::Silence => std::future::pending::<()>().await,
        _ => {}
    }
    let right = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{TOKEN}")));
    if login.as_deref() != Some(right.as_str()) {
        return plain(401).header(header::WWW_AUTHENTICATE, "Basic realm=\"test\"").body(Body::empty()).unwrap();
    }

    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear();
    for (key, value) in [
        ("PATH", std::env::var("PATH").unwrap()),
        ("GIT_PROJECT_ROOT", shared.root.to_string_lossy().into_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("REMOTE_USER", "x-access-token".to_owned()),
        ("REQUEST_METHOD", parts.method.to_string()),
        ("PATH_INFO", parts.uri.path().to_owned()),
        ("QUERY_STRING", parts.uri.query().unwrap_or_default().to_owned()),
    ] {
        command.env(key, value);
    }
    for (key, name) in [("CONTENT_TYPE", header::CONTENT_TYPE), ("HTTP_CONTENT_ENCODING", header::CONTENT_ENCODING)] {
        if let Some(value) = parts.headers.get(name) {
            command.env(key, value.to_str().unwrap());
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();

    let split = output.windows(4).position(|window| window == b"\r\n\r\n").expect("a CGI answer has headers");
    let mut response = Response::builder().status(StatusCode::OK);
    for line in String::from_utf8_lossy(&output[..split]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = if name == "Status" { response.status(value[..3].parse::<u16>().unwrap()) } else { response.header(name, value) };
    }
    let content = Bytes::from(output).slice(split + 4..);
    let is_pack = parts.method == "POST" && target.ends_with("git-upload-pack");
    let body = match fault {
        Fault::CutPack(after) if is_pack => {
            let broken = || std::io::Error::other("cut");
            Body::from_stream(futures::stream::iter([Ok(content.slice(..after.min(content.len()))), Err(broken())]))
        }
        Fault::StallPack(after) if is_pack => {
            let first = content.slice(..after.min(content.len()));
            let rest = futures::stream::once(async move {
                shared.stalled.notify_one();
                std::future::pending::<Result<Bytes, std::io::Error>>().await
            });
            Body::from_stream(futures::stream::iter([Ok(first)]).chain(rest))
        }
        Fault::DripPack if is_pack => Body::from_stream(futures::stream::iter(0..content.len()).then(move |at| {
            let byte = content.slice(at..=at);
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                Ok::<_, std::io::Error>(byte)
            }
        })),
        _ => Body::from(content),
    };
    response.body(body).unwrap()
}
