//! A loopback server that gives the scripted answers, each once, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use url::Url;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET /path?query`.
    pub line: String,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// How the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The connection breaks within the body.
    Cut,
    /// Nothing ever comes.
    Silent,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    end: End,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: vec![], end: End::Whole }
    }

    pub fn json(value: Value) -> Self {
        Self::refusal(200, value)
    }

    pub fn refusal(status: u16, value: Value) -> Self {
        Self::status(status).bytes(value.to_string()).header("content-type", "application/json; charset=utf-8")
    }

    pub fn to(status: u16, location: impl Into<String>) -> Self {
        Self::status(status).header("location", location)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn cut(mut self) -> Self {
        self.end = End::Cut;
        self
    }

    pub fn silent() -> Self {
        Self { end: End::Silent, ..Self::status(200) }
    }
}

#[derive(Default)]
struct Script {
    left: Mutex<Vec<(String, Reply)>>,
    seen: Mutex<Vec<Seen>>,
}

/// The server. Dropped, it fails the test if an answer was never asked for.
pub struct Server {
    address: SocketAddr,
    script: Arc<Script>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        let script = Arc::new(Script::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, script, task }
    }

    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).unwrap()
    }

    /// The answer to the next request of this kind. Several of one kind are given in order.
    pub fn on(&self, line: &str, reply: Reply) -> &Self {
        self.script.left.lock().unwrap().push((line.to_owned(), reply));
        self
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            let left: Vec<String> = self.script.left.lock().unwrap().iter().map(|(line, _)| line.clone()).collect();
            assert!(left.is_empty(), "never asked for: {left:?}");
        }
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri.path_and_query().unwrap());
    script.seen.lock().unwrap().push(Seen { line: line.clone(), headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() });
    let reply = {
        let mut left = script.left.lock().unwrap();
        left.iter().position(|(on, _)| *on == line).map(|at| left.remove(at).1)
    };
    // A status that nothing here retries, so that an unscripted request fails its test at once.
    let reply = reply.unwrap_or_else(|| Reply::refusal(418, serde_json::json!({ "message": format!("not in the script: {line}") })));
    if reply.end == End::Silent {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let body = if reply.end == End::Cut {
        response = response.header("content-length", reply.body.len() + 1000);
        let parts = [Ok(reply.body), Err(std::io::Error::other("cut"))];
        Body::from_stream(futures::stream::iter(parts))
    } else {
        Body::from(reply.body)
    };
    response.body(body).unwrap()
}
