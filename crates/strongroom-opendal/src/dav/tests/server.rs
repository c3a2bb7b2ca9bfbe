//! A WebDAV server over a folder, as careless about races as real ones, with the faults that a test asks for.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a test wants to happen to a request instead of what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// An answer, whole as it goes over the wire.
    Answer(String),
    /// The connection ends, without an answer.
    HangUp,
    /// It is done, and the connection ends without an answer.
    DoneAndHangUp,
    /// There is no answer for a long time.
    Silence,
}

/// A server. It ends with the process.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    address: String,
    /// What it knows itself by.
    scheme: Mutex<&'static str>,
    /// The first request of a method whose path contains a text is met by the fault.
    faults: Mutex<Vec<(&'static str, &'static str, Fault)>>,
    /// Methods and paths, in order.
    asked: Mutex<Vec<String>>,
    /// Who may ask, if not everybody.
    authorization: Mutex<Option<String>>,
}

struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Server {
    /// Starts one whose folder `store/` is below `root`.
    pub(super) fn start(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        fs::create_dir_all(root.join("store")).expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = Self(Arc::new(Inner {
            root,
            address,
            scheme: Mutex::new("http"),
            faults: Mutex::default(),
            asked: Mutex::default(),
            authorization: Mutex::default(),
        }));
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = serving.clone();
                thread::spawn(move || server.serve(&stream));
            }
        });
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/store/", self.0.address)
    }

    pub(super) fn fail(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.0
            .faults
            .lock()
            .expect("no panic")
            .push((method, path, fault));
    }

    /// Makes it believe that it is encrypted, as it would be behind another server.
    pub(super) fn believe_in_https(&self) {
        *self.0.scheme.lock().expect("no panic") = "https";
    }

    pub(super) fn admit(&self, authorization: &str) {
        *self.0.authorization.lock().expect("no panic") = Some(authorization.to_owned());
    }

    /// Returns what was asked for since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.asked.lock().expect("no panic"))
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut writer = stream;
        while let Some(request) = read_request(&mut reader)? {
            let asked = format!("{} {}", request.method, request.path);
            self.0.asked.lock().expect("no panic").push(asked);
            match self.take_fault(&request) {
                Some(Fault::Answer(answer)) => writer.write_all(answer.as_bytes())?,
                Some(Fault::HangUp) => return Ok(()),
                Some(Fault::DoneAndHangUp) => return self.done(&request).map(drop),
                Some(Fault::Silence) => drop(reader.read(&mut [0])?),
                None => writer.write_all(&self.done(&request)?)?,
            }
        }
        Ok(())
    }

    fn take_fault(&self, request: &Request) -> Option<Fault> {
        let mut faults = self.0.faults.lock().expect("no panic");
        let meant = |(method, path, _): &(&str, &str, Fault)| {
            *method == request.method && request.path.contains(path)
        };
        let index = faults.iter().position(meant)?;
        Some(faults.remove(index).2)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.root.join(path.trim_matches('/'))
    }

    fn done(&self, request: &Request) -> io::Result<Vec<u8>> {
        let wanted = self.0.authorization.lock().expect("no panic").clone();
        if wanted.is_some() && wanted.as_deref() != request.header("authorization") {
            return Ok(plain(401));
        }
        let path = self.path(&request.path);
        let outcome = match request.method.as_str() {
            "GET" => return get(&path, request),
            "PROPFIND" => return self.propfind(&path, request),
            "PUT" => self.put(&path, request),
            "DELETE" if path.is_dir() => fs::remove_dir_all(&path).map(|()| 204),
            "DELETE" => fs::remove_file(&path).map(|()| 204),
            "MKCOL" if path.exists() => Ok(405),
            "MKCOL" if !path.parent().is_some_and(Path::is_dir) => Ok(409),
            "MKCOL" => fs::create_dir(&path).map(|()| 201),
            "MOVE" => self.rename(&path, request),
            _ => Ok(405),
        };
        Ok(plain(match outcome {
            Ok(code) => code,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 404,
            Err(_) => 500,
        }))
    }

    /// Looks at the condition first and writes then, as Apache does: beside the file.
    fn put(&self, path: &Path, request: &Request) -> io::Result<u16> {
        if request.header("if-none-match").is_some() && path.exists() {
            return Ok(412);
        }
        if path.is_dir() || !path.parent().is_some_and(Path::is_dir) {
            return Ok(409);
        }
        let aside = tempfile::NamedTempFile::new_in(&self.0.root)?;
        fs::write(aside.path(), &request.body)?;
        aside.persist(path).map(|_| 201).map_err(Into::into)
    }

    /// Looks first and renames then, as Apache does.
    fn rename(&self, path: &Path, request: &Request) -> io::Result<u16> {
        let destination = request.header("destination").expect("it is required");
        let own = format!(
            "{}://{}",
            self.0.scheme.lock().expect("no panic"),
            self.0.address
        );
        let Some(to) = destination.strip_prefix(&own) else {
            return Ok(502);
        };
        let to = self.path(to);
        if !path.exists() {
            return Ok(404);
        }
        if request.header("overwrite") == Some("F") && to.exists() {
            return Ok(412);
        }
        thread::yield_now();
        // Where the folder is missing Apache has a 500.
        fs::rename(path, to)
            .map(|()| 201)
            .map_err(|error| io::Error::other(error.to_string()))
    }

    fn propfind(&self, path: &Path, request: &Request) -> io::Result<Vec<u8>> {
        if !path.exists() {
            return Ok(plain(404));
        }
        let mut xml = r#"<?xml version="1.0"?><m:multistatus xmlns:m="DAV:">"#.to_owned();
        let own = request.path.trim_end_matches('/');
        describe(&mut xml, own, path);
        if request.header("depth") == Some("1") && path.is_dir() {
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name = entry.file_name().into_string().expect("UTF-8");
                describe(&mut xml, &format!("{own}/{name}"), &entry.path());
            }
        }
        xml.push_str("</m:multistatus>");
        let date = "Date: Sun, 22 Nov 2026 08:41:27 GMT\r\n";
        Ok(answer("207 Multi-Status", &xml)
            .replacen("\r\n", &format!("\r\n{date}"), 1)
            .into_bytes())
    }
}

fn describe(xml: &mut String, href: &str, path: &Path) {
    // What goes meanwhile is not described.
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    let (slash, kind, len) = if metadata.is_dir() {
        ("/", "<m:collection/>", String::new())
    } else {
        (
            "",
            "",
            format!(
                "<m:getcontentlength>{}</m:getcontentlength>",
                metadata.len()
            ),
        )
    };
    let modified = if href.contains("old") {
        "Fri, 20 Nov 2026"
    } else {
        "Sun, 22 Nov 2026"
    };
    write!(
        xml,
        "<m:response><m:href>{href}{slash}</m:href><m:propstat><m:prop><m:resourcetype>{kind}</m:resourcetype>{len}\
         <m:getlastmodified>{modified} 08:00:00 GMT</m:getlastmodified></m:prop><m:status>HTTP/1.1 200 OK</m:status>\
         </m:propstat></m:response>"
    )
    .expect("a string takes all");
}

fn get(path: &Path, request: &Request) -> io::Result<Vec<u8>> {
    let Ok(data) = fs::read(path) else {
        return Ok(plain(404));
    };
    let total = data.len();
    let range = request.header("range").and_then(|range| {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    let (status, extra, part) = match range {
        None => ("200 OK", String::new(), &data[..]),
        Some((first, _)) if first >= total => {
            let extra = format!("Content-Range: bytes */{total}\r\n");
            ("416 Range Not Satisfiable", extra, &data[..0])
        }
        Some((first, last)) => {
            let last = last.min(total - 1);
            let extra = format!("Content-Range: bytes {first}-{last}/{total}\r\n");
            ("206 Partial Content", extra, &data[first..=last])
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\n\r\n",
        part.len()
    );
    Ok([head.as_bytes(), part].concat())
}

fn plain(code: u16) -> Vec<u8> {
    if code == 204 {
        return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    }
    answer(&format!("{code} So"), "words").into_bytes()
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    let len = request
        .header("content-length")
        .and_then(|len| len.parse().ok());
    assert!(
        request.header("transfer-encoding").is_none(),
        "lengths are told"
    );
    request.body.resize(len.unwrap_or(0), 0);
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}
