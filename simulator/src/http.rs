//! The servers' ground: accept, read, log, strike faults, answer. Plain HTTP/1.1 over loopback.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::{FaultKind, Server, merge_patch};
use crate::state::World;

/// Requests are held in memory; a pack of the demo's or a test's repository is far below this.
const MAX_BODY: usize = 256 << 20;

/// A request, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    /// As sent, still percent-encoded.
    pub path: String,
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A header's value, where it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter; the last wins.
    pub fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.raw_query.as_bytes()).filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).last()
    }

    /// The body as JSON, or null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The decoded path segments.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(percent_decode).collect()
    }

    /// Who asks, without saying their secret: the first 12 hex digits of the SHA-256 of the authorization header.
    pub fn authorization_digest(&self) -> Option<String> {
        self.headers.get("authorization").map(|value| hex(&Sha256::digest(value.as_bytes()))[..12].to_owned())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.to_owned())
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// One request as the log keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The server.
    pub server: Server,
    /// HTTP method.
    pub method: String,
    /// Path, as sent.
    pub path: String,
    /// Query string, as sent.
    pub query: String,
    /// The answered status; none where the connection was dropped.
    pub status: Option<u16>,
    /// First 12 hex digits of the SHA-256 of the authorization header: tells callers apart, gives no secret away.
    pub authorization: Option<String>,
    /// Whether a fault struck.
    pub faulted: bool,
}

/// What answers the requests of one server.
pub(crate) type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

/// Serves until the world shuts down.
pub(crate) async fn serve(world: Arc<World>, server: Server, listener: TcpListener, handler: Handler) {
    let shutdown = world.shutdown.clone();
    loop {
        let stream = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors passes; a busy loop over it must not.
                    tracing::warn!(%error, ?server, "the simulator could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (world, handler, shutdown) = (world.clone(), handler.clone(), shutdown.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = connection(world, server, stream, handler) => {}
            }
        });
    }
}

async fn connection(world: Arc<World>, server: Server, stream: TcpStream, handler: Handler) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |incoming| exchange(world.clone(), server, handler.clone(), incoming));
    // An error here is a client that went away, or a fault that dropped the connection: both are wanted.
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, ?server, "a simulated connection ended early");
    }
}

type Answer = hyper::Response<BoxBody<Bytes, std::io::Error>>;

async fn exchange(world: Arc<World>, server: Server, handler: Handler, incoming: hyper::Request<Incoming>) -> Result<Answer, std::io::Error> {
    let at = Utc::now();
    let (parts, body) = incoming.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return answer(Reply::text(413, "the request body is too large"), None),
    };
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let fault = world.faults.strike(server, &request.method, &request.path);
    let mut record = RequestRecord {
        at,
        server,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.raw_query.clone(),
        status: None,
        authorization: request.authorization_digest(),
        faulted: fault.is_some(),
    };
    // A request that arrived whole is worked off although the caller goes away, as a real server does.
    let work = world.tasks.spawn(async move { struck(fault, &handler, request).await });
    let (reply, cut) = work.await.unwrap_or((None, None));
    record.status = reply.as_ref().map(|reply| reply.status);
    world.state().requests.push(record);
    match reply {
        Some(reply) => answer(reply, cut),
        None => Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "dropped by a fault")),
    }
}

/// Runs the handler under a fault. No reply means that the connection is dropped; the number cuts the body.
async fn struck(fault: Option<FaultKind>, handler: &Handler, request: Request) -> (Option<Reply>, Option<usize>) {
    let reply = match fault {
        None => handler(request).await,
        Some(FaultKind::Status { code, headers, body }) => {
            let mut reply = Reply::json(code, &Value::Null);
            reply.headers.extend(headers);
            reply.body = body.into();
            reply
        }
        Some(FaultKind::Stall(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            handler(request).await
        }
        Some(FaultKind::ResetConnection) => return (None, None),
        Some(FaultKind::TruncateBody(bytes)) => return (Some(handler(request).await), Some(bytes)),
        Some(FaultKind::RateLimited { retry_after }) => {
            let reset = Utc::now().timestamp() + i64::try_from(retry_after).unwrap_or(0);
            Reply::json(
                403,
                &json!({"message": "API rate limit exceeded for user ID 1.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api", "status": "403"}),
            )
            .with("x-ratelimit-limit", "5000")
            .with("x-ratelimit-remaining", "0")
            .with("x-ratelimit-used", "5000")
            .with("x-ratelimit-reset", reset.to_string())
            .with("x-ratelimit-resource", "core")
        }
        Some(FaultKind::SecondaryLimit { retry_after }) => Reply::json(
            403,
            &json!({"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits", "status": "403"}),
        )
        .with("retry-after", retry_after.to_string()),
        Some(FaultKind::Lie(patch)) => {
            let mut reply = handler(request).await;
            if let Ok(mut value) = serde_json::from_slice::<Value>(&reply.body) {
                match &mut value {
                    Value::Array(items) => items.iter_mut().for_each(|item| merge_patch(item, &patch)),
                    other => merge_patch(other, &patch),
                }
                reply.body = value.to_string().into();
                reply.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("etag"));
            }
            reply
        }
        Some(FaultKind::AnswerThenDrop) => {
            handler(request).await;
            return (None, None);
        }
        Some(FaultKind::Repeat) => {
            handler(request.clone()).await;
            handler(request).await
        }
    };
    (Some(reply), None)
}

fn answer(reply: Reply, cut: Option<usize>) -> Result<Answer, std::io::Error> {
    let mut builder = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    let body = match cut {
        Some(bytes) if bytes < reply.body.len() => {
            builder = builder.header("content-length", reply.body.len());
            let head = Frame::data(reply.body.slice(..bytes));
            // Without the pause the error would overtake what is still buffered, and the client would see no answer at all.
            let cut = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut by a fault"))
            };
            let frames = stream::once(std::future::ready(Ok(head))).chain(stream::once(cut));
            BodyExt::boxed(StreamBody::new(frames))
        }
        _ => Full::new(reply.body).map_err(|never| match never {}).boxed(),
    };
    builder.body(body).map_err(std::io::Error::other)
}

/// Sends a POST over plain HTTP to a loopback address, and returns the status.
pub(crate) async fn post(target: &url::Url, headers: &[(&str, String)], body: Bytes) -> Result<u16, String> {
    let host = target.host_str().ok_or("the address has no host")?;
    let port = target.port_or_known_default().ok_or("the address has no port")?;
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let path = match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    };
    let mut request = hyper::Request::post(path).header("host", format!("{host}:{port}"));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string());
    driver.abort();
    Ok(response?.status().as_u16())
}

/// Decodes `%xx`; what is no valid escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
