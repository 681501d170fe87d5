//! Where messages come in: one address, by UDP and by TCP, within bounds that no sender can move.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::ear::{Datagram, hear};
use super::frames::Frames;
use super::message::MOST_BYTES;
use crate::engine::Engine;

/// Messages that wait to be heard; what comes while they are so many is dropped.
const MOST_WAITING: usize = 4_096;
/// TCP connections at once.
const MOST_CLIENTS: usize = 64;
/// Of these, ones from one address.
const MOST_OF_ONE: usize = 16;
/// A TCP connection on which no message ends for so long is cut.
const LONGEST_SILENCE: Duration = Duration::from_mins(10);
/// Bytes that are read of a connection at once.
const PIECE: usize = 4 << 10;
/// After an error that is the machine's, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);
/// What was left out is said so often.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// A port that is free for TCP may be taken for UDP; where any port will do, so many are tried.
const MOST_PORTS: u32 = 20;

/// Where it is listened.
#[derive(Debug)]
pub struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

impl Sockets {
    /// Listens by UDP and by TCP at `address`; port 0 takes one that is free for both.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let mut tried = 1;
        loop {
            let tcp = TcpListener::bind(address).await?;
            let bound = tcp.local_addr()?;
            match UdpSocket::bind(bound).await {
                Ok(udp) => return Ok(Self { udp, tcp, address: bound }),
                Err(_) if address.port() == 0 && tried < MOST_PORTS => tried += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Where messages go that came in.
#[derive(Clone)]
struct Intake {
    engine: Arc<Engine>,
    sender: mpsc::Sender<Datagram>,
}

impl Intake {
    /// Waits for nobody: what finds no room is dropped.
    fn take(&self, peer: IpAddr, bytes: &[u8]) {
        let changes = &self.engine.changes;
        changes.received.fetch_add(1, Ordering::Relaxed);
        let bytes = bytes.get(..MOST_BYTES).unwrap_or(bytes);
        if self.sender.try_send((peer, bytes.into())).is_err() {
            changes.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Listens, for one site where named, and has devices collected that tell of a change, until the program stops.
pub async fn listen(engine: Arc<Engine>, site: Option<String>, sockets: Arc<Sockets>) {
    let _ = engine.changes.address.set(sockets.address);
    let (sender, messages) = mpsc::channel(MOST_WAITING);
    let intake = Intake { engine: Arc::clone(&engine), sender };
    let taking = async {
        tokio::select! {
            () = engine.stopping.cancelled() => {}
            () = by_udp(&sockets.udp, &intake) => {}
            () = by_tcp(&sockets.tcp, &intake) => {}
            () = say_what_is_left_out(&engine) => {}
        }
    };
    tokio::join!(taking, hear(Arc::clone(&engine), site, messages));
}

async fn by_udp(udp: &UdpSocket, intake: &Intake) {
    let mut buffer = vec![0; MOST_BYTES];
    loop {
        match udp.recv_from(&mut buffer).await {
            Ok((length, peer)) => intake.take(peer.ip(), buffer.get(..length).unwrap_or_default()),
            Err(error) => {
                tracing::debug!(%error, "a datagram could not be received");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

async fn by_tcp(tcp: &TcpListener, intake: &Intake) {
    let mut clients = JoinSet::new();
    let mut of_each: HashMap<IpAddr, usize> = HashMap::new();
    loop {
        let accepted = tcp.accept().await;
        while let Some(ended) = clients.try_join_next() {
            if let Some(left) = ended.ok().and_then(|peer| of_each.get_mut(&peer)) {
                *left = left.saturating_sub(1);
            }
        }
        of_each.retain(|_, clients| *clients > 0);
        match accepted {
            Ok((stream, peer)) if has_room(&of_each, clients.len(), peer.ip()) => {
                *of_each.entry(peer.ip()).or_default() += 1;
                let intake = intake.clone();
                clients.spawn(async move {
                    read(stream, peer.ip(), intake).await;
                    peer.ip()
                });
            }
            Ok(_) => {
                intake.engine.changes.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Nobody keeps all others out.
fn has_room(of_each: &HashMap<IpAddr, usize>, clients: usize, peer: IpAddr) -> bool {
    clients < MOST_CLIENTS && of_each.get(&peer).is_none_or(|clients| *clients < MOST_OF_ONE)
}

/// Reads messages until their sender hangs up, or has ended none for too long.
async fn read(mut stream: TcpStream, peer: IpAddr, intake: Intake) {
    let mut frames = Frames::default();
    let mut piece = vec![0; PIECE];
    let mut until = Instant::now() + LONGEST_SILENCE;
    loop {
        let length = match timeout_at(until, stream.read(&mut piece)).await {
            Ok(Ok(0)) => {
                let rest = frames.rest();
                if !rest.is_empty() {
                    intake.take(peer, &rest);
                }
                return;
            }
            Ok(Ok(length)) => length,
            Ok(Err(_)) => return,
            Err(_) => break,
        };
        frames.push(piece.get(..length).unwrap_or_default());
        loop {
            match frames.take_next() {
                Ok(Some(message)) => {
                    intake.take(peer, &message);
                    until = Instant::now() + LONGEST_SILENCE;
                }
                Ok(None) => break,
                Err(_) => {
                    intake.engine.changes.refused.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
    intake.engine.changes.refused.fetch_add(1, Ordering::Relaxed);
}

/// Says now and then what was left out: never what was sent, which anybody may have written.
async fn say_what_is_left_out(engine: &Engine) {
    let changes = &engine.changes;
    let counters = [&changes.received, &changes.told, &changes.strange, &changes.dropped, &changes.refused];
    let mut before = [0; 5];
    loop {
        tokio::time::sleep(SAY_EVERY).await;
        let counted = counters.map(|counter| counter.load(Ordering::Relaxed));
        let [received, told, strange, dropped, refused] = std::array::from_fn(|at| counted[at] - before[at]);
        before = counted;
        if received > 0 {
            tracing::debug!(
                received,
                told,
                strange,
                "syslog: {received} messages, {told} of them told of a change, {strange} were of senders that are no devices"
            );
        }
        if dropped + refused > 0 {
            tracing::warn!(
                dropped,
                refused,
                "syslog, in the last minute: {dropped} messages dropped because there were too many, {refused} connections \
                 turned away or cut"
            );
        }
    }
}
