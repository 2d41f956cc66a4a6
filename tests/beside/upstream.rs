//! An upstream that does as its script says: over UDP and TCP on one port, and encrypted on others.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::Message;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::script::{Deed, Last, Lie, Reply, Script};
use crate::{encrypted, records};

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
}

/// The upstream; its sockets are closed when it is dropped.
pub struct Upstream {
    ports: Ports,
    state: Arc<Mutex<State>>,
    sockets: JoinSet<()>,
}

/// Where it listens. What the Corefile does not name is not there.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// UDP and TCP.
    pub plain: Option<u16>,
    pub tls: Option<u16>,
    pub quic: Option<u16>,
}

/// What it does, and what it was asked.
pub struct State {
    script: Script,
    /// How often each rule spoke.
    spoken: Vec<usize>,
    asked: Vec<Asked>,
}

/// A question that came.
pub struct Asked {
    pub name: String,
    pub rtype: String,
    /// `NAME TYPE udp rd,cd opt=1232,do 10:0011223344556677`
    pub text: String,
}

/// What one question comes to: messages to send, and whether the connection stays.
pub struct Deeds {
    pub messages: Vec<Vec<u8>>,
    closes: bool,
}

impl Carrier {
    pub fn parse(word: &str) -> Result<Self, String> {
        Ok(match word {
            "udp" => Self::Udp,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            "https" => Self::Https,
            "quic" => Self::Quic,
            _ => return Err(format!("`{word}` is no way to ask: udp, tcp, tls, https, quic")),
        })
    }

    fn text(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }
}

impl Upstream {
    /// Begins to listen on loopback.
    pub async fn start(ports: Ports, script: Script) -> Result<Self, String> {
        let state = State { spoken: vec![0; script.rules.len()], script, asked: Vec::new() };
        let mut upstream = Self { ports, state: Arc::new(Mutex::new(state)), sockets: JoinSet::new() };
        upstream.live().await?;
        Ok(upstream)
    }

    /// Listens, if it does not.
    pub async fn live(&mut self) -> Result<(), String> {
        if !self.sockets.is_empty() {
            return Ok(());
        }
        if let Some(port) = self.ports.plain {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let udp =
                UdpSocket::bind(address).await.map_err(|error| format!("upstream {address}: {error}"))?;
            self.sockets.spawn(serve_udp(udp, Arc::clone(&self.state)));
            self.sockets.spawn(serve_tcp(listen(port)?, Arc::clone(&self.state)));
        }
        if let Some(port) = self.ports.tls {
            self.sockets.spawn(encrypted::serve_tls(listen(port)?, Arc::clone(&self.state)));
        }
        if let Some(port) = self.ports.quic {
            self.sockets.spawn(encrypted::serve_quic(port, Arc::clone(&self.state)));
        }
        Ok(())
    }

    /// Closes its sockets and connections.
    pub async fn die(&mut self) {
        self.sockets.shutdown().await;
    }

    pub fn play(&self, script: Script) {
        let mut state = lock(&self.state);
        state.spoken = vec![0; script.rules.len()];
        state.script = script;
    }

    /// What was asked so far: health probes only where `. NS` is named.
    pub fn count(&self, name: Option<&str>, rtype: Option<&str>) -> usize {
        let fits = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == "*" || wanted == is);
        let is_probe = |asked: &Asked| asked.name == "." && asked.rtype == "NS" && name != Some(".");
        let state = lock(&self.state);
        state
            .asked
            .iter()
            .filter(|asked| fits(name, &asked.name) && fits(rtype, &asked.rtype) && !is_probe(asked))
            .count()
    }

    pub fn last(&self) -> Option<String> {
        lock(&self.state).asked.iter().rfind(|asked| asked.name != ".").map(|asked| asked.text.clone())
    }

    /// Everything that was asked, a line each.
    pub fn log(&self) -> String {
        lock(&self.state).asked.iter().map(|asked| format!("{}\n", asked.text)).collect()
    }
}

/// Takes connections, though those of before may still be in TIME_WAIT.
fn listen(port: u16) -> Result<TcpListener, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = || {
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        tcp.set_reuse_address(true)?;
        tcp.set_nonblocking(true)?;
        tcp.bind(&address.into())?;
        tcp.listen(64)?;
        TcpListener::from_std(tcp.into())
    };
    listen().map_err(|error| format!("upstream {address}: {error}"))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Finds the rule, and notes the question.
    fn deed(&mut self, query: &Message, carrier: Carrier) -> Option<Deed> {
        self.asked.push(Asked::new(query, carrier));
        let at = self.script.rules.iter().position(|rule| rule.fits(query, carrier))?;
        let deeds = &self.script.rules[at].deeds;
        let deed = deeds[self.spoken[at].min(deeds.len() - 1)].clone();
        self.spoken[at] += 1;
        Some(deed)
    }
}

impl Asked {
    fn new(query: &Message, carrier: Carrier) -> Self {
        let question = query.queries.first();
        let name = question.map_or_else(|| "-".to_owned(), |question| question.name().to_ascii());
        let rtype = question.map_or_else(|| "-".to_owned(), |question| question.query_type().to_string());
        let metadata = &query.metadata;
        let flags = [
            ("rd", metadata.recursion_desired),
            ("ad", metadata.authentic_data),
            ("cd", metadata.checking_disabled),
        ];
        let flags: Vec<&str> =
            flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect();
        let mut text = format!("{name} {rtype} {} {}", carrier.text(), flags.join(","));
        if let Some(edns) = &query.edns {
            let has_do = if edns.flags().dnssec_ok { ",do" } else { "" };
            text += &format!(" opt={}{has_do}", edns.max_payload());
            for (code, option) in edns.options().as_ref() {
                let data: Vec<u8> = option.try_into().unwrap_or_default();
                text += &format!(" {}:{}", u16::from(*code), records::hex(&data));
            }
        }
        Self { name, rtype, text }
    }
}

/// Waits as long as the script says, and gives what is to be sent.
pub async fn deeds(state: &Mutex<State>, query: &[u8], carrier: Carrier) -> Deeds {
    let mut deeds = Deeds { messages: Vec::new(), closes: false };
    let Ok(message) = Message::from_vec(query) else { return deeds };
    let Some(deed) = lock(state).deed(&message, carrier) else {
        deeds.messages.push(Reply::refusal().message(&message));
        return deeds;
    };
    tokio::time::sleep(deed.delay).await;
    deeds.messages.extend(deed.lie.map(|lie| lie.message(query)));
    match deed.last {
        Last::Nothing => {}
        Last::Close => deeds.closes = true,
        Last::Raw(octets) => deeds.messages.push(octets),
        Last::Reply(reply) => deeds.messages.push(reply.message(&message)),
    }
    deeds
}

impl Lie {
    fn message(self, query: &[u8]) -> Vec<u8> {
        let mut message = query.to_vec();
        message[2] |= 0x80;
        match self {
            Self::Garbage => {
                message.truncate(12);
                message.extend([0xff; 40]);
            }
            Self::WrongId => message[0] ^= 0xff,
            Self::WrongQuestion => {
                if let Some(letter) = message.get_mut(13) {
                    *letter = if *letter == b'x' { b'y' } else { b'x' };
                }
            }
            Self::Short => message.truncate(7),
        }
        message
    }
}

async fn serve_udp(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let socket = Arc::new(socket);
    let mut queries = JoinSet::new();
    let mut buffer = vec![0; 65_535];
    loop {
        // An ICMP error of a reply that nobody took is no end.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let (socket, state, query) = (Arc::clone(&socket), Arc::clone(&state), buffer[..length].to_vec());
        queries.spawn(async move {
            for message in deeds(&state, &query, Carrier::Udp).await.messages {
                let _ = socket.send_to(&message, peer).await;
            }
        });
        while queries.try_join_next().is_some() {}
    }
}

async fn serve_tcp(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        connections.spawn(serve_stream(stream, Arc::clone(&state), Carrier::Tcp));
        while connections.try_join_next().is_some() {}
    }
}

/// Questions on one connection, each answered when its reply is due.
pub async fn serve_stream<S>(stream: S, state: Arc<Mutex<State>>, carrier: Carrier)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (deeds_tx, mut deeds_rx) = mpsc::unbounded_channel::<Deeds>();
    let read = async move {
        let mut queries = JoinSet::new();
        while let Ok(length) = reader.read_u16().await {
            let mut query = vec![0; usize::from(length)];
            if reader.read_exact(&mut query).await.is_err() {
                break;
            }
            let (state, deeds_tx) = (Arc::clone(&state), deeds_tx.clone());
            queries.spawn(async move { drop(deeds_tx.send(deeds(&state, &query, carrier).await)) });
        }
        drop(deeds_tx);
        while queries.join_next().await.is_some() {}
    };
    let write = async move {
        while let Some(deeds) = deeds_rx.recv().await {
            for message in deeds.messages {
                let length = (message.len() as u16).to_be_bytes();
                if writer.write_all(&[&length, message.as_slice()].concat()).await.is_err() {
                    return;
                }
            }
            let _ = writer.flush().await;
            if deeds.closes {
                let _ = writer.shutdown().await;
                return;
            }
        }
    };
    // Whoever ends first ends the connection.
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
