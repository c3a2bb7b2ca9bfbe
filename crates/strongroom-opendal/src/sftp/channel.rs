//! A conversation with a file transfer server: many requests at once, each with its answer.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::wire::{self, Extensions, Garbled, Packet, Reply, code, kind};
use crate::activity::{Activity, Stuck};

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server answered, with this code and message.
    Status { code: u32, message: String },
    /// The connection is gone.
    Lost(String),
    /// Nothing was heard for that long.
    Silent(Duration),
    /// What was heard makes no sense.
    Garbled(Garbled),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, message } => write!(f, "the server says: {message} ({code})"),
            Self::Lost(reason) => write!(f, "the connection ended: {reason}"),
            Self::Silent(time) => write!(f, "nothing was heard for {} s", time.as_secs()),
            Self::Garbled(garbled) => garbled.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

/// What a server takes and gives in one piece where it does not say.
const PIECE_BYTES: u64 = 32 << 10;

/// What is asked for in one piece at most, whatever the server offers.
const PIECE_BYTES_MAX: u64 = 255 << 10;

/// A connection to a server. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    shared: Arc<Shared>,
    outbox: mpsc::UnboundedSender<(u32, Packet)>,
    pub(crate) extensions: Extensions,
    /// Bytes that one read may ask for.
    pub(crate) read_bytes: u32,
    /// Bytes that one write may carry.
    pub(crate) write_bytes: u32,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// What went in or out, of any request: they are worked on in order.
    activity: Activity,
    silence_max: Duration,
    /// Told when the conversation is over.
    over: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    answers: HashMap<u32, oneshot::Sender<Delivery>>,
    last_id: u32,
    /// Why nothing can be asked any more.
    dead: Option<Fault>,
}

impl Channel {
    /// Greets a server, and starts the tasks that talk to it. `guard` is kept for as long as they listen.
    pub(crate) async fn start<R, W, G>(
        mut from: R,
        mut to: W,
        silence_max: Duration,
        guard: G,
    ) -> Result<Self, Fault>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
        G: Send + 'static,
    {
        let greeting = timeout(silence_max, greet(&mut from, &mut to));
        let extensions = greeting.await.map_err(|_| Fault::Silent(silence_max))??;
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            activity: Activity::new(),
            silence_max,
            over: Notify::new(),
        });
        let (outbox, packets) = mpsc::unbounded_channel();
        let writer = write_packets(to, packets, Arc::clone(&shared));
        drop(tokio::spawn(writer)); // ends with the outbox or the connection
        let reader = read_replies(from, outbox.downgrade(), Arc::clone(&shared));
        let over = Arc::clone(&shared);
        drop(tokio::spawn(async move {
            // Not only the end of what comes in: a server that fell silent is left, too.
            let over = over.over.notified();
            future::select(pin!(reader), pin!(over)).await;
            drop(guard);
        }));
        let mut channel = Self {
            shared,
            outbox,
            extensions,
            read_bytes: piece(0),
            write_bytes: piece(0),
        };
        channel.learn_limits().await?;
        Ok(channel)
    }

    async fn learn_limits(&mut self) -> Result<(), Fault> {
        if self.extensions.limits {
            let answer = self.send(Packet::extended("limits@openssh.com"));
            if let Reply::Extended(fields) = answer.reply().await? {
                let (read, write) = wire::parse_limits(fields).map_err(Fault::Garbled)?;
                (self.read_bytes, self.write_bytes) = (piece(read), piece(write));
            }
        }
        Ok(())
    }

    /// Returns whether requests can no longer be made.
    pub(crate) fn is_dead(&self) -> bool {
        self.shared.waiting().dead.is_some()
    }

    /// Sends a request at once. Several may be sent before the first answer is waited for; the server works on them in order.
    pub(crate) fn send(&self, packet: Packet) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.shared.waiting();
        if waiting.dead.is_none() {
            let id = waiting.next_id();
            waiting.answers.insert(id, sender);
            if self.outbox.send((id, packet)).is_err() {
                waiting.answers.remove(&id);
            }
        }
        drop(waiting);
        Answer {
            receiver,
            shared: Arc::clone(&self.shared),
        }
    }
}

/// A request that was sent, and whose answer is to come. To drop it is to ignore the answer.
#[derive(Debug)]
#[must_use]
pub(crate) struct Answer {
    receiver: oneshot::Receiver<Delivery>,
    shared: Arc<Shared>,
}

impl Answer {
    /// Returns the answer, which is no error.
    pub(crate) async fn reply(self) -> Result<Reply, Fault> {
        let silence_max = self.shared.silence_max;
        let delivered = self.shared.activity.guard(silence_max, self.receiver).await;
        match delivered.map(|delivery| delivery.map(|mut delivery| delivery.reply.take())) {
            Ok(Ok(Some(Reply::Status { code, message }))) if code != code::OK => {
                Err(Fault::Status { code, message })
            }
            Ok(Ok(Some(reply))) => Ok(reply),
            Ok(Ok(None) | Err(_)) => Err(self.shared.cause_of_death()),
            Err(Stuck) => {
                let fault = Fault::Silent(silence_max);
                self.shared.die(fault.clone());
                Err(fault)
            }
        }
    }

    /// Waits until the request is done.
    pub(crate) async fn done(self) -> Result<(), Fault> {
        self.reply().await.map(drop)
    }

    /// Returns the handle that was asked for.
    pub(crate) async fn handle(self) -> Result<Bytes, Fault> {
        match self.reply().await? {
            Reply::Handle(handle) => Ok(handle),
            _ => Err(UNEXPECTED),
        }
    }

    /// Returns the attributes that were asked for.
    pub(crate) async fn attributes(self) -> Result<wire::Attributes, Fault> {
        match self.reply().await? {
            Reply::Attributes(attributes) => Ok(attributes),
            _ => Err(UNEXPECTED),
        }
    }
}

const UNEXPECTED: Fault = Fault::Garbled(Garbled("an answer to another question"));

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the conversation: whoever waits, or asks later, is told why.
    fn die(&self, fault: Fault) {
        let mut waiting = self.waiting();
        waiting.dead.get_or_insert(fault);
        waiting.answers.clear();
        self.over.notify_one();
    }

    fn cause_of_death(&self) -> Fault {
        let dead = self.waiting().dead.clone();
        dead.unwrap_or_else(|| Fault::Lost("it was closed".to_owned()))
    }
}

async fn greet(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<Extensions, Fault> {
    let mut init = vec![0, 0, 0, 5, kind::INIT];
    init.extend_from_slice(&wire::VERSION.to_be_bytes());
    to.write_all(&init).await.map_err(lost)?;
    to.flush().await.map_err(lost)?;
    wire::parse_version(read_packet(from).await?).map_err(Fault::Garbled)
}

async fn read_packet(from: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Fault> {
    let len = from.read_u32().await.map_err(lost)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > wire::PACKET_BYTES_MAX {
        // Text that a login script prints is read as a length of hundreds of megabytes.
        return Err(Fault::Garbled(Garbled(
            "a packet beyond the limit; does a login script print something?",
        )));
    }
    let mut packet = vec![0; len];
    from.read_exact(&mut packet).await.map_err(lost)?;
    Ok(packet.into())
}

fn lost(error: std::io::Error) -> Fault {
    Fault::Lost(error.to_string())
}

/// Delivers answers until the connection ends.
async fn read_replies(
    from: impl AsyncRead + Unpin,
    outbox: mpsc::WeakUnboundedSender<(u32, Packet)>,
    shared: Arc<Shared>,
) {
    let mut from = tokio::io::BufReader::with_capacity(BUFFER_BYTES, from);
    let fault = loop {
        let reply = match read_packet(&mut from).await {
            Ok(packet) => wire::parse_reply(packet).map_err(Fault::Garbled),
            Err(fault) => Err(fault),
        };
        match reply {
            Ok((id, reply)) => deliver(id, reply, &outbox, &shared),
            Err(fault) => break fault,
        }
    };
    shared.die(fault);
}

fn deliver(
    id: u32,
    reply: Reply,
    outbox: &mpsc::WeakUnboundedSender<(u32, Packet)>,
    shared: &Arc<Shared>,
) {
    shared.activity.note();
    let answer = shared.waiting().answers.remove(&id);
    if let Some(answer) = answer {
        let delivery = Delivery {
            reply: Some(reply),
            outbox: outbox.clone(),
            shared: Arc::clone(shared),
        };
        drop(answer.send(delivery)); // if nobody waits any more, it comes back
    }
}

/// A reply on its way to who asked. A file that nobody is there to take would stay open for as long as the connection: it is closed.
#[derive(Debug)]
struct Delivery {
    reply: Option<Reply>,
    outbox: mpsc::WeakUnboundedSender<(u32, Packet)>,
    shared: Arc<Shared>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let (Some(Reply::Handle(handle)), Some(outbox)) = (&self.reply, self.outbox.upgrade()) {
            let close = Packet::new(kind::CLOSE).text(handle);
            drop(outbox.send((self.shared.waiting().next_id(), close)));
        }
    }
}

impl Waiting {
    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }
}

/// What is collected before it is written, and read ahead.
const BUFFER_BYTES: usize = 64 << 10;

/// Sends packets until the last sender is gone or the connection ends.
async fn write_packets(
    to: impl AsyncWrite + Unpin,
    mut packets: mpsc::UnboundedReceiver<(u32, Packet)>,
    shared: Arc<Shared>,
) {
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, to);
    while let Some((id, packet)) = packets.recv().await {
        let written = write_packet(&mut to, &packet.head(id), &packet.body, &shared).await;
        let flushed = match written {
            Ok(()) if packets.is_empty() => to.flush().await,
            other => other,
        };
        if let Err(error) = flushed {
            shared.die(lost(error));
            break;
        }
    }
    // The server ends when it has nothing to read any more, whatever became of this.
    drop(to.shutdown().await);
}

async fn write_packet(
    to: &mut (impl AsyncWrite + Unpin),
    head: &[u8],
    body: &[u8],
    shared: &Shared,
) -> std::io::Result<()> {
    to.write_all(head).await?;
    for piece in body.chunks(BUFFER_BYTES) {
        to.write_all(piece).await?;
        shared.activity.note();
    }
    Ok(())
}

/// Returns what may be moved in one piece, given what the server offers; 0 if it does not say.
fn piece(offered: u64) -> u32 {
    let bytes = if offered == 0 { PIECE_BYTES } else { offered };
    u32::try_from(bytes.min(PIECE_BYTES_MAX)).unwrap_or(u32::MAX)
}
