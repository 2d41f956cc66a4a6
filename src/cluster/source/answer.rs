//! What the API server answers, read piece by piece: the events of a watch, and a list of any length of which one item at a
//! time is in memory.
//!
//! ```text
//!   JSON       watch: one event a line                       list: pages, each read whole
//!   protobuf   watch: length (4 octets), event               list: "k8s\0", Unknown { raw: List { metadata, items… } }
//! ```

use std::error::Error;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};

use super::client::{ApiError, chain};
use crate::cluster::object::wire::{Wire, WireError, WireValue};

/// How long one object may be: etcd takes none over 1.5 MiB.
const OBJECT_LEN_MAX: usize = 16 << 20;

/// What stands before every object in protobuf.
const MAGIC: &[u8] = b"k8s\0";

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`
    Json,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

/// An answer whose head said yes.
pub struct Answer<B = kube::client::Body> {
    /// How it is written.
    pub form: Form,
    /// The rest of it.
    pub body: B,
}

/// A body that comes in pieces: that of an answer, or a test's.
pub trait Pieces: Body<Data = Bytes, Error: Error + 'static> + Unpin {}

impl<B: Body<Data = Bytes, Error: Error + 'static> + Unpin> Pieces for B {}

/// The events of a watch.
pub struct Events<B = kube::client::Body> {
    form: Form,
    input: Input<B>,
}

/// A list in protobuf.
pub struct Items<B = kube::client::Body> {
    input: Input<B>,
    /// Octets of the list that are not read yet; `None` before its beginning.
    left: Option<u64>,
}

/// A part of a list.
pub enum Part<'i> {
    /// `meta/v1.ListMeta`, which comes first.
    Meta(&'i [u8]),
    /// An object.
    Item(&'i [u8]),
}

/// The body, and what of it has come and is not used yet.
struct Input<B> {
    body: B,
    buffer: Vec<u8>,
    start: usize,
}

/// The object in an answer of protobuf, without what stands around it.
///
/// # Errors
/// It is none.
pub fn unwrapped(octets: &[u8]) -> Result<&[u8], WireError> {
    let mut wire = Wire::new(octets.strip_prefix(MAGIC).unwrap_or(octets));
    while let Some(field) = wire.next()? {
        if let (2, WireValue::Octets(raw)) = field {
            return Ok(raw);
        }
    }
    // An object without any field.
    Ok(&[])
}

// === impl Events ===

impl<B: Pieces> Events<B> {
    /// The events of this answer.
    #[must_use]
    pub fn new(answer: Answer<B>) -> Self {
        Self { form: answer.form, input: Input::new(answer.body) }
    }

    /// How they are written.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The next event; `None` when the answer is over. `silence` is how long to wait for any octet.
    ///
    /// # Errors
    /// The answer broke off, or there was silence.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<&[u8]>, ApiError> {
        match self.form {
            Form::Json => self.input.line(silence).await,
            Form::Protobuf => {
                if self.input.octets(4, silence).await?.is_none() {
                    return Ok(None);
                }
                let length =
                    self.input.taken(4).iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
                match self.input.octets(length, silence).await? {
                    Some(_) => Ok(Some(self.input.taken(length))),
                    None => Err(broke_off()),
                }
            }
        }
    }
}

// === impl Items ===

impl<B: Pieces> Items<B> {
    /// The list in this body.
    #[must_use]
    pub fn new(body: B) -> Self {
        Self { input: Input::new(body), left: None }
    }

    /// The next part; `None` when the list is whole. `silence` is how long to wait for any octet.
    ///
    /// # Errors
    /// The answer broke off, is no list, or there was silence.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<Part<'_>>, ApiError> {
        if self.left.is_none() {
            self.left = Some(self.begin(silence).await?);
        }
        while self.left != Some(0) {
            let (number, length) = self.field(silence).await?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            match number {
                1 | 2 => {
                    self.whole(length, silence).await?;
                    let octets = self.input.taken(length);
                    return Ok(Some(if number == 1 { Part::Meta(octets) } else { Part::Item(octets) }));
                }
                _ => {
                    self.whole(length, silence).await?;
                    self.input.taken(length);
                }
            }
        }
        Ok(None)
    }

    /// Reads up to the list; gives its length.
    async fn begin(&mut self, silence: Duration) -> Result<u64, ApiError> {
        self.whole(MAGIC.len(), silence).await?;
        if self.input.taken(MAGIC.len()) != MAGIC {
            return Err(ApiError::Broken("the list is no protobuf of Kubernetes".to_owned()));
        }
        loop {
            // Its type, which we know, and then the list.
            let (number, length) = self.field(silence).await?;
            if number == 2 {
                return Ok(length);
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.whole(length, silence).await?;
            self.input.taken(length);
        }
    }

    /// Number and length of the next field.
    async fn field(&mut self, silence: Duration) -> Result<(u64, u64), ApiError> {
        let tag = self.varint(silence).await?;
        if tag & 7 != 2 {
            return Err(ApiError::Broken("the list makes no sense".to_owned()));
        }
        let length = self.varint(silence).await?;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(length).ok_or_else(broke_off)?;
        }
        Ok((tag >> 3, length))
    }

    async fn varint(&mut self, silence: Duration) -> Result<u64, ApiError> {
        let mut value = 0;
        for at in 0..10 {
            self.whole(1, silence).await?;
            let octet = self.input.taken(1)[0];
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(1).ok_or_else(broke_off)?;
            }
            value |= u64::from(octet & 0x7f) << (7 * at);
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ApiError::Broken("the list makes no sense".to_owned()))
    }

    async fn whole(&mut self, length: usize, silence: Duration) -> Result<(), ApiError> {
        self.input.octets(length, silence).await?.map(drop).ok_or_else(broke_off)
    }
}

// === impl Input ===

impl<B: Pieces> Input<B> {
    fn new(body: B) -> Self {
        Self { body, buffer: Vec::new(), start: 0 }
    }

    /// The next line without its end.
    async fn line(&mut self, silence: Duration) -> Result<Option<&[u8]>, ApiError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|octet| *octet == b'\n') {
                let (start, end) = (self.start, searched + at);
                self.start = end + 1;
                if end == start {
                    searched = self.start;
                    continue;
                }
                return Ok(Some(&self.buffer[start..end]));
            }
            let waiting = self.buffer.len() - self.start;
            if !self.more(silence).await? {
                return if waiting == 0 { Ok(None) } else { Err(broke_off()) };
            }
            searched = waiting;
        }
    }

    /// The next octets, which stay; `None` when nothing comes any more.
    async fn octets(&mut self, length: usize, silence: Duration) -> Result<Option<&[u8]>, ApiError> {
        if length > OBJECT_LEN_MAX {
            return Err(too_long());
        }
        while self.buffer.len() - self.start < length {
            let waiting = self.buffer.len() - self.start;
            if !self.more(silence).await? {
                return if waiting == 0 { Ok(None) } else { Err(broke_off()) };
            }
        }
        Ok(Some(&self.buffer[self.start..self.start + length]))
    }

    /// Octets that are there, taken out.
    fn taken(&mut self, length: usize) -> &[u8] {
        let start = self.start;
        self.start += length;
        &self.buffer[start..self.start]
    }

    /// Waits for another piece; what was taken goes. `false` at the end.
    async fn more(&mut self, silence: Duration) -> Result<bool, ApiError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > 1 << 20 {
            // One huge event must not stay in memory for the life of the watch.
            self.buffer = Vec::new();
        }
        if self.buffer.len() > OBJECT_LEN_MAX {
            return Err(too_long());
        }
        let Some(piece) = next_piece(&mut self.body, silence).await? else { return Ok(false) };
        self.buffer.extend_from_slice(&piece);
        Ok(true)
    }
}

fn broke_off() -> ApiError {
    ApiError::Broken("the answer broke off within an object".to_owned())
}

fn too_long() -> ApiError {
    ApiError::Broken(format!("an object is longer than {OBJECT_LEN_MAX} octets"))
}

/// What comes next of a body; `None` at its end.
///
/// # Errors
/// The connection broke, or nothing came for `silence`.
pub async fn next_piece(body: &mut impl Pieces, silence: Duration) -> Result<Option<Bytes>, ApiError> {
    loop {
        match tokio::time::timeout(silence, body.frame()).await {
            Err(_) => return Err(ApiError::Silent(silence)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => {
                return Err(ApiError::Broken(format!("the connection broke: {}", chain(&error))));
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(5);

    /// A body that comes in pieces of so many octets.
    fn body(octets: &[u8], piece: usize) -> impl Pieces {
        let pieces: Vec<_> = octets.chunks(piece).map(Bytes::copy_from_slice).collect();
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        StreamBody::new(stream::iter(frames))
    }

    fn field(number: u8, octets: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(octets.len()).unwrap()], octets].concat()
    }

    /// A list of three items, with a field that nobody knows.
    fn list() -> Vec<u8> {
        let list = [field(1, b"meta"), field(2, b"one"), field(9, b"?"), field(2, b""), field(2, b"three")];
        [MAGIC, &field(1, b"type"), &field(2, &list.concat()), &field(4, b"")].concat()
    }

    async fn parts(octets: &[u8], piece: usize) -> Result<Vec<String>, ApiError> {
        let mut items = Items::new(body(octets, piece));
        let mut parts = Vec::new();
        while let Some(part) = items.next(SILENCE).await? {
            let (kind, octets) = match part {
                Part::Meta(octets) => ("meta", octets),
                Part::Item(octets) => ("item", octets),
            };
            parts.push(format!("{kind} {}", String::from_utf8_lossy(octets)));
        }
        Ok(parts)
    }

    #[tokio::test]
    async fn a_list_is_read_however_it_is_cut() {
        for piece in 1..list().len() {
            let parts = parts(&list(), piece).await.unwrap();
            assert_eq!(parts, ["meta meta", "item one", "item ", "item three"], "pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn a_list_that_breaks_off_is_no_list() {
        let whole = list();
        // The last field stands behind the list.
        for end in 0..whole.len() - 2 {
            assert!(parts(&whole[..end], 3).await.is_err(), "{end} octets");
        }
        assert!(parts(b"{\"kind\":\"List\"}", 3).await.is_err());
        // An item that claims to be longer than the list, and one that claims gigabytes.
        assert!(parts(&[MAGIC, &field(2, &[0x12, 0x7f, 1])].concat(), 3).await.is_err());
        let huge =
            [MAGIC, &[0x12, 0xff, 0xff, 0xff, 0xff, 0x7f], &[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(parts(&huge, 3).await.is_err());
    }

    #[tokio::test]
    async fn events_are_read_however_they_are_cut() {
        let framed = [&[0, 0, 0, 3][..], b"one", &[0, 0, 0, 0], &[0, 0, 0, 5], b"three"].concat();
        for piece in 1..framed.len() {
            for (form, octets, expected) in [
                (Form::Protobuf, &framed[..], &["one", "", "three"][..]),
                (Form::Json, b"{\"a\":1}\n\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
            ] {
                let mut events = Events::new(Answer { form, body: body(octets, piece) });
                let mut came = Vec::new();
                while let Some(event) = events.next(SILENCE).await.unwrap() {
                    came.push(String::from_utf8(event.to_vec()).unwrap());
                }
                assert_eq!(came, expected);
            }
        }
        let mut events = Events::new(Answer { form: Form::Protobuf, body: body(&framed[..5], 9) });
        assert!(events.next(SILENCE).await.is_err(), "it breaks off");
    }
}
