//! A server that answers as it is told, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use strongroom_object_store::{ObjectStore, open_hosted};
use strongroom_store::Key;
use strongroom_tokio::Hosted;

/// What it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) target: String,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    silent: bool,
    /// What Content-Length says, if not the truth.
    claimed: Option<u64>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            silent: false,
            claimed: None,
        }
    }

    /// An error as S3 words it.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::new(
            status,
            format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>because</Message></Error>"
            ),
        )
    }

    /// None at all.
    pub(crate) fn silence() -> Self {
        Self {
            silent: true,
            ..Self::new(200, "")
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn claiming(mut self, len: u64) -> Self {
        self.claimed = Some(len);
        self
    }
}

/// Listens until the test ends.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers the n-th request (from 0) with what `script` says.
    pub(crate) fn start(script: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(script, |stream| Box::new(stream))
    }

    /// The same, with something between the network and the server.
    pub(crate) fn start_with(
        script: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (heard, script, wrap) = (Arc::clone(&asked), Arc::new(script), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, script, wrap) =
                    (Arc::clone(&heard), Arc::clone(&script), Arc::clone(&wrap));
                thread::spawn(move || serve(wrap(stream), &heard, &*script));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with it").clone()
    }

    /// Returns a store of S3 on it, with more to its address.
    pub(crate) fn s3(&self, more: &str) -> Hosted<ObjectStore> {
        let url = format!(
            "s3://bucket/folder?endpoint={}&region=eu-test-1{more}",
            self.url
        );
        open_hosted(&url, &keys()).expect("an address")
    }
}

/// Both directions of a connection.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn serve(
    mut stream: Box<dyn Stream>,
    heard: &Mutex<Vec<Asked>>,
    script: &dyn Fn(usize, &Asked) -> Answer,
) {
    let Some(asked) = read(&mut stream) else {
        return;
    };
    let count = {
        let mut heard = heard.lock().expect("no test panics with it");
        heard.push(asked.clone());
        heard.len() - 1
    };
    let answer = script(count, &asked);
    if answer.silent {
        // For as long as the other side listens.
        drop(stream.read(&mut [0]));
        return;
    }
    let len = answer.claimed.unwrap_or(answer.body.len() as u64);
    let mut head = format!(
        "HTTP/1.1 {} Told\r\nContent-Length: {len}\r\nConnection: close\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body: &[u8] = if asked.method == "HEAD" {
        &[]
    } else {
        &answer.body
    };
    drop(
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body))
            .and_then(|()| stream.flush()),
    );
}

fn read(stream: &mut Box<dyn Stream>) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut asked = Asked {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        asked
            .headers
            .insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = asked.header("content-length").parse().unwrap_or(0);
    asked.body.resize(len, 0);
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

/// An environment with keys of AWS.
pub(crate) fn keys() -> BTreeMap<String, String> {
    variables(&[
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t-k3y"),
    ])
}

pub(crate) fn variables(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}
