//! A question over a socket, and what came back.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use crate::expected::{Came, Expected, Head};
use crate::records;
use crate::server::Kind;

/// Guards against a hang; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long a reply that must not come is waited for.
const SILENCE: Duration = Duration::from_millis(700);
const ID: u16 = 0x5ca1;
const OPTION_NSID: u16 = 3;
const OPTION_KEEPALIVE: u16 = 11;
const OPTION_EDE: u16 = 15;

/// A question, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    message: Vec<u8>,
    /// Octets of header and question; 0 for octets that need be no message.
    head_len: usize,
    room: usize,
    is_tcp: bool,
    is_opt_sent: bool,
    is_ordered: bool,
    from: Option<IpAddr>,
    to: Option<u16>,
    is_ipv6: bool,
    times: usize,
}

impl Question {
    /// From `NAME TYPE [options]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (Some(name), Some(rtype)) = (words.next(), words.next()) else {
            return Err("`? NAME TYPE` or `? raw HEX`".to_owned());
        };
        let mut question = Self {
            message: Vec::new(),
            head_len: 0,
            room: 512,
            is_tcp: false,
            is_opt_sent: false,
            is_ordered: false,
            from: None,
            to: None,
            is_ipv6: false,
            times: 1,
        };
        let (mut class, mut flags, mut opcode) = (1_u16, 0x0100_u16, 0_u16);
        let (mut edns, mut has_do, mut options): (Option<u16>, _, Vec<u8>) = (None, false, Vec::new());
        for word in words {
            let (option, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse::<u16>().map_err(|_| format!("`{word}` has no number"));
            match option {
                "CH" => class = 3,
                "HS" => class = 4,
                "+tcp" => question.is_tcp = true,
                "+edns" => edns = Some(if value.is_empty() { 1232 } else { number()? }),
                "+do" => has_do = true,
                "+nsid" => options.extend(option_octets(OPTION_NSID, &[])),
                "+option" => {
                    let (code, hex) = value.split_once(':').ok_or("`+option=CODE:HEX`")?;
                    let code = code.parse().map_err(|_| format!("`{word}` has no number"))?;
                    options.extend(option_octets(code, &records::octets(hex)?));
                }
                "+nord" => flags &= !0x0100,
                "+cd" => flags |= 0x0010,
                "+ad" => flags |= 0x0020,
                "+opcode" => opcode = number()?,
                "+from" => {
                    question.from = Some(value.parse().map_err(|_| format!("`{value}` is no address"))?)
                }
                "+to" => question.to = Some(number()?),
                "+to6" => question.is_ipv6 = true,
                "+times" => question.times = usize::from(number()?),
                "+ordered" => question.is_ordered = true,
                _ => return Err(format!("no option `{word}`")),
            }
        }
        if name == "raw" {
            question.message = records::octets(rtype)?;
            return Ok(question);
        }
        if has_do || !options.is_empty() {
            edns.get_or_insert(1232);
        }
        let number = rtype
            .parse::<RecordType>()
            .map(u16::from)
            .or_else(|_| rtype.strip_prefix("TYPE").and_then(|number| number.parse().ok()).ok_or(()));
        let number = number.map_err(|()| format!("no type `{rtype}`"))?;
        question.write(name, number, class, flags | opcode << 11)?;
        if let Some(size) = edns {
            question.write_opt(size, has_do, &options)?;
        }
        Ok(question)
    }

    fn write(&mut self, name: &str, rtype: u16, class: u16, flags: u16) -> Result<(), String> {
        if !name.ends_with('.') {
            return Err(format!("`{name}` does not end with a dot"));
        }
        for field in [ID, flags, 1, 0, 0, 0] {
            self.message.extend(field.to_be_bytes());
        }
        // By hand, so that letters and odd octets (`\000`) go out as they are written.
        let wire = kubezone::dns::wire_from_text(name).map_err(|error| format!("`{name}`: {error:?}"))?;
        self.message.extend(wire.iter());
        self.message.extend(rtype.to_be_bytes());
        self.message.extend(class.to_be_bytes());
        self.head_len = self.message.len();
        Ok(())
    }

    fn write_opt(&mut self, size: u16, has_do: bool, options: &[u8]) -> Result<(), String> {
        self.is_opt_sent = true;
        self.room = usize::from(size).max(512);
        self.message[11] = 1;
        self.message.extend([0, 0, 41]);
        self.message.extend(size.to_be_bytes());
        self.message.extend([0, 0, if has_do { 0x80 } else { 0 }, 0]);
        let length = u16::try_from(options.len()).map_err(|_| "the options are too long")?;
        self.message.extend(length.to_be_bytes());
        self.message.extend(options);
        Ok(())
    }

    /// Asks the server at `port`, and says what is wrong with what came.
    pub fn check(&self, port: u16, kind: Kind, alternatives: &[Expected]) -> Result<(), String> {
        let is_silent = alternatives == [Expected::NoReply];
        let mut wrong: Vec<String> = thread::scope(|scope| {
            let asked: Vec<_> = (0..self.times)
                .map(|number| {
                    let id = ID.wrapping_add(number as u16);
                    scope.spawn(move || self.check_once(port, id, kind, alternatives, is_silent))
                })
                .collect();
            asked.into_iter().filter_map(|thread| thread.join().expect("no panic").err()).collect()
        });
        wrong.sort();
        wrong.dedup();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    fn check_once(
        &self,
        port: u16,
        id: u16,
        kind: Kind,
        alternatives: &[Expected],
        is_silent: bool,
    ) -> Result<(), String> {
        let mut message = self.message.clone();
        if self.head_len > 0 {
            message[..2].copy_from_slice(&id.to_be_bytes());
        }
        let reply = match self.exchange(port, &message, is_silent) {
            Ok(reply) => reply,
            Err(_) if alternatives.contains(&Expected::NoReply) => return Ok(()),
            Err(error) => return Err(format!("no reply: {error}")),
        };
        if alternatives.contains(&Expected::Any) {
            return Ok(());
        }
        let came = self.decode(&message, &reply)?;
        let mut wrong = Vec::new();
        for expected in alternatives {
            let Expected::Reply(pattern) = expected else { continue };
            match pattern.difference(&came, kind, self.is_ordered, self.is_opt_sent) {
                None => return Ok(()),
                Some(difference) => wrong.push(difference),
            }
        }
        Err(format!("{}\nwhat came:\n{}", wrong.join("\nor\n"), came.lines()))
    }

    fn exchange(&self, port: u16, message: &[u8], is_silent: bool) -> io::Result<Vec<u8>> {
        let patience = if is_silent { SILENCE } else { PATIENCE };
        let address: IpAddr =
            if self.is_ipv6 { [0, 0, 0, 0, 0, 0, 0, 1].into() } else { [127, 0, 0, 1].into() };
        let server = SocketAddr::new(address, self.to.unwrap_or(port));
        let from = self.from.unwrap_or_else(|| if self.is_ipv6 { address } else { [127, 0, 0, 1].into() });
        if self.is_tcp {
            let socket = socket2::Socket::new(
                socket2::Domain::for_address(server),
                socket2::Type::STREAM,
                Some(socket2::Protocol::TCP),
            )?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
            socket.connect(&server.into())?;
            return over_tcp(socket.into(), message, patience);
        }
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_read_timeout(Some(patience))?;
        socket.connect(server)?;
        socket.send(message)?;
        let mut reply = vec![0; 65_535];
        let length = socket.recv(&mut reply)?;
        reply.truncate(length);
        Ok(reply)
    }

    fn decode(&self, sent: &[u8], reply: &[u8]) -> Result<Came, String> {
        if reply.len() < 12 {
            return Err("a reply without header".to_owned());
        }
        if reply[..2] != sent[..2] {
            return Err("the id is another".to_owned());
        }
        if self.head_len > 0 {
            if reply.get(12..self.head_len) != Some(&sent[12..self.head_len]) {
                return Err("the question in the reply is another".to_owned());
            }
            let room = if self.is_tcp { 65_535 } else { self.room };
            if reply.len() > room {
                return Err(format!("{} octets, and the client takes {room}", reply.len()));
            }
        }
        let message = Message::from_vec(reply).map_err(|error| format!("not a whole message: {error}"))?;
        let metadata = &message.metadata;
        let flags = [
            ("aa", metadata.authoritative),
            ("tc", metadata.truncation),
            ("rd", metadata.recursion_desired),
            ("ra", metadata.recursion_available),
            ("ad", metadata.authentic_data),
            ("cd", metadata.checking_disabled),
        ];
        let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned());
        let mut came = Came {
            head: Head { rcode: rcode(u16::from(metadata.response_code)), flags: flags.collect() },
            sections: [&message.answers, &message.authorities, &message.additionals]
                .map(|records| records.iter().map(records::text).collect()),
            ..Came::default()
        };
        if let Some(edns) = &message.edns {
            let has_do = if edns.flags().dnssec_ok { " do" } else { "" };
            came.opt = Some(format!("size={}{has_do}", edns.max_payload()));
            for (code, option) in edns.options().as_ref() {
                let data: Vec<u8> = option.try_into().unwrap_or_default();
                match u16::from(*code) {
                    OPTION_EDE if data.len() >= 2 => {
                        let error = u16::from_be_bytes([data[0], data[1]]);
                        came.errors.push(format!("{error} {}", String::from_utf8_lossy(&data[2..])));
                    }
                    OPTION_KEEPALIVE => {}
                    code => came.options.push(format!("{code} {}", records::hex(&data))),
                }
            }
        }
        Ok(came)
    }
}

fn over_tcp(mut stream: TcpStream, message: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(patience))?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes();
    stream.write_all(&[&length, message].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

fn option_octets(code: u16, data: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), &(data.len() as u16).to_be_bytes(), data].concat()
}

fn rcode(code: u16) -> String {
    kubezone::dns::Rcode(code).mnemonic().map_or_else(|| format!("RCODE{code}"), str::to_owned)
}
