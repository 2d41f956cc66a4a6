//! One YAML or JSON document: an object, or a list of objects, read one by one.
//!
//! The kind of an object may stand after its content, so that an object is first read as a plain value, and then as what
//! it is; of a list, one such value is in memory at a time. When the second step fails, the document is read once more
//! up to that object, now typed from the start, to learn the line and column of the mistake.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::object::{AnyObject, EndpointSlice, Namespace, Object, Pod, Service, ServiceImport};
use crate::zone::Kind;

/// Takes the objects of a document as they come.
pub trait Sink {
    /// An object with its labels.
    fn object(&mut self, object: AnyObject, labels: BTreeMap<String, String>);

    /// An object that is not what it says it is: its place, for the error's location, and what is wrong.
    fn malformed(&mut self, place: Place, what: String);
}

/// Where an object stands in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its index in `items`; `None` when the document is the object.
    pub item: Option<usize>,
    /// What it says it is.
    pub kind: Kind,
}

/// Reads a document into a sink.
pub struct Reading<'a, S>(pub &'a mut S);

/// Reads the object at one place as what it is, only for the error.
pub struct Locate(pub Place);

#[derive(Deserialize, Default)]
#[serde(default)]
struct Head {
    kind: Option<String>,
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    metadata: Option<HeadMeta>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HeadMeta {
    labels: Option<BTreeMap<String, String>>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Reading<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Reading<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object or a List of them")
    }

    /// A document of comments only.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut object = serde_json::Map::new();
        let mut waiting = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                let kind = object.get("kind").and_then(Value::as_str).and_then(kind_of_list);
                map.next_value_seed(Items { sink: self.0, kind, waiting: &mut waiting })?;
                object.insert(key, Value::Null);
            } else {
                object.insert(key, map.next_value::<Value>()?);
            }
        }
        if object.contains_key("items") {
            // The list's own kind came after its items.
            let kind = object.get("kind").and_then(Value::as_str).and_then(kind_of_list);
            for (index, item) in waiting {
                take(self.0, item, Some(index), kind);
            }
        } else {
            take(self.0, Value::Object(object), None, None);
        }
        Ok(())
    }
}

struct Items<'a, S> {
    sink: &'a mut S,
    kind: Option<Kind>,
    waiting: &'a mut Vec<(usize, Value)>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Items<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Items<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a List")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(item) = items.next_element::<Value>()? {
            if item.get("kind").is_none() && self.kind.is_none() {
                self.waiting.push((index, item));
            } else {
                take(self.sink, item, Some(index), self.kind);
            }
            index += 1;
        }
        Ok(())
    }

    /// Another kind of object that has something called `items`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

fn take(sink: &mut impl Sink, value: Value, item: Option<usize>, list_kind: Option<Kind>) {
    // Labels are worth nothing to most; the head is what an unneeded kind is known by, whatever else is in it.
    let head = Head::deserialize(&value);
    let kind = match &head {
        Ok(Head { kind: Some(kind), api_version, .. }) => kind_of(kind, api_version.as_deref()),
        _ => value.get("kind").and_then(Value::as_str).and_then(|kind| kind_of(kind, None)).or(list_kind),
    };
    let Some(kind) = kind else { return };
    let place = Place { item, kind };
    let labels = match head {
        Ok(head) => head.metadata.and_then(|meta| meta.labels).unwrap_or_default(),
        Err(error) => return sink.malformed(place, error.to_string()),
    };
    match typed(value, kind) {
        Ok(object) if object.meta().name.is_empty() => {
            sink.malformed(place, "missing field `metadata.name`".to_owned());
        }
        Ok(object) => sink.object(object, labels),
        Err(error) => sink.malformed(place, error.to_string()),
    }
}

fn typed<'de, D: Deserializer<'de>>(deserializer: D, kind: Kind) -> Result<AnyObject, D::Error> {
    match kind {
        Kind::Service => Service::deserialize(deserializer).map(Object::into_any),
        Kind::EndpointSlice => EndpointSlice::deserialize(deserializer).map(Object::into_any),
        Kind::Namespace => Namespace::deserialize(deserializer).map(Object::into_any),
        Kind::Pod => Pod::deserialize(deserializer).map(Object::into_any),
        Kind::ServiceImport => ServiceImport::deserialize(deserializer).map(Object::into_any),
    }
}

/// The kind, when it is one that DNS needs: `Service` is also what other groups call theirs.
fn kind_of(kind: &str, api_version: Option<&str>) -> Option<Kind> {
    match (kind, api_version) {
        ("Service", Some("v1") | None) => Some(Kind::Service),
        ("Namespace", Some("v1") | None) => Some(Kind::Namespace),
        ("Pod", Some("v1") | None) => Some(Kind::Pod),
        ("EndpointSlice", Some("discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1") | None) => {
            Some(Kind::EndpointSlice)
        }
        ("ServiceImport", Some("multicluster.x-k8s.io/v1alpha1") | None) => Some(Kind::ServiceImport),
        _ => None,
    }
}

fn kind_of_list(kind: &str) -> Option<Kind> {
    kind_of(kind.strip_suffix("List")?, None)
}

// === impl Locate ===

impl<'de> DeserializeSeed<'de> for Locate {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.item {
            None => typed(deserializer, self.0.kind).map(drop),
            Some(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Locate {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a List")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(LocateItem(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct LocateItem(Place);

impl<'de> DeserializeSeed<'de> for LocateItem {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LocateItem {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a List")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for _ in 0..self.0.item.unwrap_or_default() {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Locate(Place { item: None, ..self.0 }))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
