//! A node of the tests' own: it serves a [`FakeChain`] over HTTP, or on a socket, with [`Faults`].

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use degenbot::node::Endpoint;
use serde_json::{Value, json};

use super::fake_chain::FakeChain;
use super::node_faults::{Faults, Incident};

/// A node that runs in threads of the test. It ends when it is dropped.
pub struct NodeServer {
    address: Address,
    shared: Arc<Shared>,
}

enum Address {
    Http(String),
    Socket(PathBuf),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Shared with the requests under way, which see it as it was when they came.
    chain: Option<Arc<FakeChain>>,
    faults: Faults,
    /// The calls of each request: their methods and parameters.
    requests: Vec<Vec<(String, Value)>>,
    /// The headers of each request, in lower case.
    headers: Vec<Vec<String>>,
    connections: usize,
    open: Vec<Box<dyn Fn() + Send>>,
    has_ended: bool,
}

/// What is sent back.
enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The beginning of an answer, after which the connection ends.
    Cut(Vec<u8>),
    /// Spaces without an end, with a pause after each piece.
    Endless(usize, Duration),
    Close,
}

impl NodeServer {
    /// Serves the chain over HTTP.
    pub fn start(chain: FakeChain) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Http(format!("http://{}", listener.local_addr().unwrap()));
        let shared = Self::shared(chain);
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let closing = stream.try_clone().unwrap();
                let close = move || drop(closing.shutdown(Shutdown::Both));
                if !serving.opened(Box::new(close)) {
                    return;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve_http(&stream));
            }
        });
        Self { address, shared }
    }

    /// Serves the chain on a socket.
    pub fn start_on_socket(chain: FakeChain, path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let shared = Self::shared(chain);
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let closing = stream.try_clone().unwrap();
                let close = move || drop(closing.shutdown(Shutdown::Both));
                if !serving.opened(Box::new(close)) {
                    return;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve_socket(&stream));
            }
        });
        Self {
            address: Address::Socket(path.to_owned()),
            shared,
        }
    }

    fn shared(chain: FakeChain) -> Arc<Shared> {
        let shared = Arc::<Shared>::default();
        shared.state.lock().unwrap().chain = Some(Arc::new(chain));
        shared
    }

    /// The address of the node.
    pub fn url(&self) -> String {
        match &self.address {
            Address::Http(url) => url.clone(),
            Address::Socket(path) => path.display().to_string(),
        }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.url()).unwrap()
    }

    /// Changes the chain, or reads it.
    pub fn chain<T>(&self, change: impl FnOnce(&mut FakeChain) -> T) -> T {
        let mut state = self.shared.state.lock().unwrap();
        change(Arc::make_mut(state.chain.as_mut().unwrap()))
    }

    pub fn set_faults(&self, faults: Faults) {
        self.shared.state.lock().unwrap().faults = faults;
    }

    /// The calls of each request so far: their methods and parameters.
    pub fn requests(&self) -> Vec<Vec<(String, Value)>> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.shared.state.lock().unwrap().requests.len()
    }

    /// The lines of the headers of each request so far, in lower case.
    pub fn headers(&self) -> Vec<Vec<String>> {
        self.shared.state.lock().unwrap().headers.clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections
    }

    /// Waits until there were as many requests.
    pub fn wait_for_requests(&self, number: usize) {
        let state = self.shared.state.lock().unwrap();
        let waiting =
            self.shared
                .changed
                .wait_timeout_while(state, Duration::from_secs(60), |state| {
                    state.requests.len() < number
                });
        assert!(!waiting.unwrap().1.timed_out(), "no request came");
    }
}

impl Drop for NodeServer {
    fn drop(&mut self) {
        let open = {
            let mut state = self.shared.state.lock().unwrap();
            state.has_ended = true;
            std::mem::take(&mut state.open)
        };
        self.shared.changed.notify_all();
        for close in open {
            close();
        }
        // Wakes the listening thread.
        match &self.address {
            Address::Http(url) => drop(TcpStream::connect(&url["http://".len()..])),
            Address::Socket(path) => drop(UnixStream::connect(path)),
        }
    }
}

impl Shared {
    /// Remembers a connection. Whether the server still runs.
    fn opened(&self, close: Box<dyn Fn() + Send>) -> bool {
        let mut state = self.state.lock().unwrap();
        state.connections += 1;
        state.open.push(close);
        !state.has_ended
    }

    fn serve_http(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some((headers, body)) = read_request(&mut reader) {
            let mut writer = stream;
            match self.reply(headers, &body) {
                Reply::Answer(status, headers, body) => {
                    let mut head =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                    for (name, value) in headers {
                        let _ = write!(head, "{name}: {value}\r\n");
                    }
                    head.push_str("\r\n");
                    let all = [head.into_bytes(), body].concat();
                    if writer.write_all(&all).is_err() {
                        return;
                    }
                }
                Reply::Cut(body) => {
                    let head = format!(
                        "HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n",
                        2 * body.len()
                    );
                    let _ = writer.write_all(&[head.into_bytes(), body].concat());
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
                Reply::Endless(size, pause) => {
                    let head = b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n".to_vec();
                    return endless(writer, head, size, pause);
                }
                Reply::Close => {
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }

    fn serve_socket(&self, stream: &UnixStream) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            let mut writer = stream;
            match self.reply(Vec::new(), line.as_bytes()) {
                Reply::Answer(_, _, mut body) => {
                    body.push(b'\n');
                    if writer.write_all(&body).is_err() {
                        return;
                    }
                }
                Reply::Cut(body) => {
                    let _ = writer.write_all(&body);
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
                Reply::Endless(size, pause) => return endless(writer, Vec::new(), size, pause),
                Reply::Close => {
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
            }
            line.clear();
        }
    }

    fn reply(&self, headers: Vec<String>, body: &[u8]) -> Reply {
        let message: Value = serde_json::from_slice(body).unwrap();
        let calls: Vec<_> = match &message {
            Value::Array(calls) => calls.clone(),
            call => vec![call.clone()],
        };
        let mut state = self.state.lock().unwrap();
        let number = state.requests.len();
        state.requests.push(
            calls
                .iter()
                .map(|call| {
                    (
                        call["method"].as_str().unwrap().to_owned(),
                        call["params"].clone(),
                    )
                })
                .collect(),
        );
        state.headers.push(headers);
        self.changed.notify_all();
        let incident = state.faults.incident(number);
        if let Incident::Hang = incident {
            let waiting = self.changed.wait_while(state, |state| !state.has_ended);
            drop(waiting.unwrap());
            return Reply::Close;
        }
        // A slow answer keeps nobody else waiting.
        let (chain, faults) = (state.chain.clone().unwrap(), state.faults.clone());
        drop(state);
        let chain = match (&incident, &faults.other) {
            (Incident::Lag(blocks), _) => Arc::new(chain.behind(*blocks)),
            (_, Some(other)) if number % 2 == 1 => Arc::clone(other),
            _ => chain,
        };
        let json = vec![("content-type", "application/json".to_owned())];
        let answer = || {
            if faults.max_batch.is_some_and(|most| calls.len() > most) {
                let error = json!({"code": -32600, "message": "batch size exceeds the limit"});
                return json!({"jsonrpc": "2.0", "id": null, "error": error});
            }
            let mut answers: Vec<_> = calls
                .iter()
                .map(|call| {
                    let method = call["method"].as_str().unwrap();
                    let mut answer = faults.answer(&chain, method, &call["params"]);
                    if let Some(fields) = answer.as_object_mut() {
                        fields.insert("jsonrpc".to_owned(), json!("2.0"));
                        fields.entry("id").or_insert_with(|| call["id"].clone());
                    }
                    answer
                })
                .collect();
            match message {
                Value::Array(_) => Value::Array(answers),
                _ => answers.remove(0),
            }
        };
        match incident {
            Incident::None | Incident::Lag(_) => {
                Reply::Answer(200, json, answer().to_string().into_bytes())
            }
            Incident::Status(status, headers, body) => {
                Reply::Answer(status, headers, body.into_bytes())
            }
            Incident::Body(body) => Reply::Answer(200, json, body),
            Incident::Gzip(body) => {
                Reply::Answer(200, vec![("content-encoding", "gzip".to_owned())], body)
            }
            Incident::Cut => Reply::Cut(half(&answer())),
            Incident::Half => Reply::Answer(200, json, half(&answer())),
            Incident::Endless => Reply::Endless(1 << 16, Duration::ZERO),
            Incident::Drip => Reply::Endless(1, Duration::from_millis(5)),
            Incident::Close | Incident::Hang => Reply::Close,
        }
    }
}

/// Writes until the client has enough.
fn endless(mut writer: impl Write, head: Vec<u8>, size: usize, pause: Duration) {
    let mut piece = head;
    while writer.write_all(&piece).is_ok() {
        piece = vec![b' '; size];
        thread::sleep(pause);
    }
}

fn half(answer: &Value) -> Vec<u8> {
    let mut body = answer.to_string().into_bytes();
    body.truncate(body.len() / 2);
    body
}

/// The headers and the body of a request; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> Option<(Vec<String>, Vec<u8>)> {
    // The greeting of TLS has no end of line.
    if !reader.fill_buf().ok()?.first()?.is_ascii_uppercase() {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => headers.push(line.to_lowercase()),
        }
    }
    let length = headers
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}
