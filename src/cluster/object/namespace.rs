//! `v1/Namespace`, trimmed: that it exists is all there is to know.

use serde::Deserialize;

use super::wire::{Field, Fields};
use super::{AnyObject, META, Meta, Object};
use crate::zone::Kind;

/// A Namespace.
#[derive(Debug, Clone, Deserialize)]
pub struct Namespace {
    /// Its name.
    #[serde(default)]
    pub metadata: Meta,
}

impl Namespace {
    /// A Namespace that no object states, but others are in.
    #[must_use]
    pub fn implied(name: &str) -> Self {
        Self { metadata: Meta { name: name.into(), ..Meta::default() } }
    }
}

/// `v1.Namespace` in protobuf.
static FIELDS: Fields = Fields(&[(1, "metadata", Field::Message(&META))]);

impl Object for Namespace {
    const KIND: Kind = Kind::Namespace;
    const PATH: &'static str = "/api/v1/namespaces";
    const GROUP: &'static str = "";
    const FIELDS: Option<&'static Fields> = Some(&FIELDS);

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::Namespace(self)
    }
}
