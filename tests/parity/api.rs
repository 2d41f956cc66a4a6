//! The API server over plain HTTP: `kubectl proxy` on loopback has the certificates and the token, and one connection
//! that stays open makes a thousand objects in seconds, where a `kubectl` each would take minutes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::lab::Proxy;

pub struct Api {
    _proxy: Option<Proxy>,
    stream: BufReader<TcpStream>,
}

/// A refusal, with the status of HTTP and the API server's words.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub message: String,
}

impl Api {
    pub fn connect() -> Self {
        let proxy = Proxy::start();
        let api = Self::at(&proxy.address);
        Self { _proxy: Some(proxy), ..api }
    }

    /// Whoever speaks plain HTTP and JSON there.
    pub fn at(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("`{address}`: {error}"));
        stream.set_nodelay(true).expect("a socket has options");
        Self { _proxy: None, stream: BufReader::new(stream) }
    }

    /// Makes the object, and gives back what the server stored.
    pub fn create(&mut self, path: &str, object: &Value) -> Result<Value, Refused> {
        self.request("POST", path, "application/json", Some(object))
    }

    /// Changes a part of the object.
    pub fn patch(&mut self, path: &str, object: &Value) -> Result<Value, Refused> {
        self.request("PATCH", path, "application/merge-patch+json", Some(object))
    }

    pub fn delete(&mut self, path: &str) -> Result<Value, Refused> {
        self.request("DELETE", path, "application/json", None)
    }

    pub fn get(&mut self, path: &str) -> Result<Value, Refused> {
        self.request("GET", path, "application/json", None)
    }

    /// The objects of a list, in the order of namespace and name.
    pub fn list(&mut self, path: &str) -> Vec<Value> {
        let mut list = self.get(path).unwrap_or_else(|refused| panic!("{path}: {refused:?}"));
        match list["items"].take() {
            Value::Array(items) => items,
            other => panic!("{path} is no list: {other}"),
        }
    }

    fn request(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, text) = self
            .exchange(method, path, kind, &body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let value: Result<Value, _> = serde_json::from_str(&text);
        match (status, value) {
            (200..300, Ok(value)) => Ok(value),
            (200..300, Err(error)) => panic!("{method} {path}: {error}: {text}"),
            // A path that is not there is told in plain text.
            (_, value) => {
                let message = value.ok().and_then(|value| value["message"].as_str().map(str::to_owned));
                Err(Refused { status, message: message.unwrap_or(text) })
            }
        }
    }

    fn exchange(&mut self, method: &str, path: &str, kind: &str, body: &str) -> io::Result<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let status = self.line()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let mut length = None;
        let mut is_chunked = false;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse().ok(),
                Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        let mut text = Vec::new();
        if is_chunked {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
                self.take(size, &mut text)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length.ok_or_else(|| io::Error::other("no length"))?, &mut text)?;
        }
        Ok((status, String::from_utf8(text).map_err(io::Error::other)?))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn take(&mut self, size: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let start = into.len();
        into.resize(start + size, 0);
        self.stream.read_exact(&mut into[start..])
    }
}
