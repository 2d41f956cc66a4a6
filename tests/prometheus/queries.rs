//! What Prometheus is asked, and what it says.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A query for one of the two servers.
pub struct Query {
    /// With `$server` where the server is selected.
    pub text: String,
    /// The row of a table *Differences from CoreDNS* that excuses a label.
    pub row: Option<String>,
    label: Option<String>,
    /// Whether kubezone may have series that CoreDNS has not yet, for the reason in that row.
    pub more: bool,
}

/// Those of the file beside this one.
pub fn queries() -> Vec<Query> {
    let mut queries: Vec<Query> = Vec::new();
    for line in include_str!("queries.txt").lines() {
        if let Some(excuse) = line.strip_prefix("~ ") {
            let (label, row) = excuse.split_once(' ').expect("a label and a row");
            let query = queries.last_mut().expect("a query above");
            (query.label, query.row) = (Some(label.to_owned()), Some(row.to_owned()));
        } else if let Some(row) = line.strip_prefix("+ ") {
            let query = queries.last_mut().expect("a query above");
            (query.more, query.row) = (true, Some(row.to_owned()));
        } else if !line.is_empty() && !line.starts_with('#') {
            assert!(line.contains("$server"), "`{line}` asks for both at once");
            queries.push(Query { text: line.to_owned(), row: None, label: None, more: false });
        }
    }
    queries
}

impl Query {
    /// What is not compared, in words.
    pub fn excuse(&self) -> String {
        match &self.label {
            Some(label) => format!("but for the values of `{label}`"),
            None => "kubezone may have more".to_owned(),
        }
    }

    /// The label sets of the result, without what tells the two servers apart.
    pub fn ask(&self, prometheus: SocketAddr, server: &str) -> BTreeSet<String> {
        let query = self.text.replace("$server", &format!("instance=\"{server}\""));
        let path = format!("/api/v1/query?query={}", encoded(&query));
        let (status, body) = get(prometheus, &path);
        assert_eq!(status, 200, "{query}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
        result.iter().map(|series| self.labels(&series["metric"])).collect()
    }

    fn labels(&self, metric: &Value) -> String {
        let compared = metric.as_object().unwrap().iter().filter(|(name, _)| *name != "instance");
        let texts = compared.map(|(name, value)| {
            let value = if Some(name) == self.label.as_ref() { "…" } else { value.as_str().unwrap() };
            // The two listen on the same ports of two addresses.
            format!("{name}={:?}", value.replace("127.0.0.2", "127.0.0.1"))
        });
        format!("{{{}}}", texts.collect::<Vec<_>>().join(", "))
    }
}

/// Status and body of what is there. The answer may come in chunks: it is for servers that close behind it when asked to,
/// as they are here, and whose chunks are told apart by their lengths.
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // HTTP/1.0 has no chunks.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = ask().unwrap_or_default();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(octet).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
