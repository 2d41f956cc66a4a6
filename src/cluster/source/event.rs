//! An event of a watch, and what stands around a list's objects, in JSON and in protobuf.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::{Form, unwrapped};
use super::client::Status;
use crate::cluster::object::wire::{Field, Fields, Wire, WireValue, from_wire};
use crate::cluster::object::{META, Object};

/// An event of a watch.
#[derive(Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
pub enum Event<K> {
    /// An object is there.
    Added(K),
    /// An object is otherwise.
    Modified(K),
    /// An object is gone.
    Deleted(K),
    /// Nothing happened up to this version.
    Bookmark(Bookmark),
    /// The watch is over.
    Error(Status),
}

/// How far the watch is.
#[derive(Deserialize)]
pub struct Bookmark {
    /// Version and annotations.
    pub metadata: BookmarkMeta,
}

/// See [`Bookmark`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookmarkMeta {
    /// The version.
    pub resource_version: String,
    #[serde(default)]
    annotations: Option<BookmarkAnnotations>,
}

#[derive(Deserialize)]
struct BookmarkAnnotations {
    #[serde(rename = "k8s.io/initial-events-end", default)]
    initial_events_end: Option<IgnoredAny>,
}

/// A page of a list in JSON.
#[derive(Deserialize)]
pub struct Page<K> {
    /// Version, and whether there are more.
    pub metadata: PageMeta,
    /// The objects.
    #[serde(default = "Option::default")]
    pub items: Option<Vec<K>>,
}

/// `meta/v1.ListMeta`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PageMeta {
    /// Where a watch goes on.
    pub resource_version: String,
    /// Asks for the next page.
    #[serde(rename = "continue")]
    pub continue_token: Option<String>,
}

static BOOKMARK: Fields = Fields(&[(1, "metadata", Field::Message(&META))]);

/// `meta/v1.Status` in protobuf.
pub static STATUS: Fields = Fields(&[(3, "message", Field::Text), (6, "code", Field::Number)]);

/// `meta/v1.ListMeta` in protobuf.
pub static PAGE_META: Fields = Fields(&[(2, "resourceVersion", Field::Text), (3, "continue", Field::Text)]);

impl BookmarkMeta {
    /// Whether the objects that exist have all come.
    #[must_use]
    pub fn ends_list(&self) -> bool {
        self.annotations.as_ref().is_some_and(|annotations| annotations.initial_events_end.is_some())
    }
}

impl<K: Object> Event<K> {
    /// Reads an event; `fields` are those of the object in protobuf.
    ///
    /// # Errors
    /// It makes no sense; why, in words.
    pub fn parse(octets: &[u8], form: Form, fields: Option<&'static Fields>) -> Result<Self, String> {
        match (form, fields) {
            (Form::Protobuf, Some(fields)) => Self::from_wire(fields, octets),
            _ => serde_json::from_slice(octets).map_err(|error| error.to_string()),
        }
    }

    /// `meta/v1.WatchEvent`: its type, and a RawExtension with the object.
    fn from_wire(fields: &'static Fields, octets: &[u8]) -> Result<Self, String> {
        let (mut kind, mut object): (&[u8], &[u8]) = (&[], &[]);
        let mut wire = Wire::new(octets);
        while let Some(field) = wire.next().map_err(|error| error.to_string())? {
            match field {
                (1, WireValue::Octets(octets)) => kind = octets,
                (2, WireValue::Octets(octets)) => object = raw_extension(octets)?,
                _ => {}
            }
        }
        let typed = || from_wire(fields, object);
        let event = match kind {
            b"ADDED" => typed().map(Self::Added),
            b"MODIFIED" => typed().map(Self::Modified),
            b"DELETED" => typed().map(Self::Deleted),
            b"BOOKMARK" => from_wire(&BOOKMARK, object).map(Self::Bookmark),
            b"ERROR" => from_wire(&STATUS, object).map(Self::Error),
            kind => return Err(format!("no event `{}`", String::from_utf8_lossy(kind))),
        };
        event.map_err(|error| error.to_string())
    }
}

/// `runtime.RawExtension`: field 1 is an object with everything that stands around it.
fn raw_extension(octets: &[u8]) -> Result<&[u8], String> {
    let mut wire = Wire::new(octets);
    while let Some(field) = wire.next().map_err(|error| error.to_string())? {
        if let (1, WireValue::Octets(raw)) = field {
            return unwrapped(raw).map_err(|error| error.to_string());
        }
    }
    Err("an event without an object".to_owned())
}
