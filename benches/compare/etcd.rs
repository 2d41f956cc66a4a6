//! The API server's store, written past the API server.
//!
//! What takes the API a minute and both processors (a hundred thousand Pods, each made and then given an address; 500 changes a
//! second) is a few requests here. The API server watches its store, and tells its own watchers as if it had written itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api::Api;
use crate::lab::variable;

/// etcd refuses more operations in one transaction than 128.
const AT_ONCE: usize = 100;

/// A connection to etcd's gateway, which speaks JSON.
pub struct Etcd(Api);

/// An object with the key that it is stored under.
pub type Stored = (String, Value);

impl Etcd {
    pub fn connect() -> Self {
        Self(Api::at(&variable("KUBEZONE_ETCD")))
    }

    /// Stores objects; the ones that are there already are written over.
    pub fn put(&mut self, objects: impl IntoIterator<Item = Stored>) {
        let mut operations = Vec::with_capacity(AT_ONCE);
        for (key, object) in objects {
            operations.push(json!({"requestPut": {
                "key": STANDARD.encode(key), "value": STANDARD.encode(object.to_string())}}));
            if operations.len() == AT_ONCE {
                self.commit(&mut operations);
            }
        }
        if !operations.is_empty() {
            self.commit(&mut operations);
        }
    }

    /// Takes away all keys that begin so.
    pub fn remove(&mut self, prefix: &str) {
        assert!(prefix.ends_with('/'), "`{prefix}` would take away what only begins alike");
        let end = format!("{}0", prefix.trim_end_matches('/'));
        let range = json!({"key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end)});
        self.0.create("/v3/kv/deleterange", &range).expect("etcd removes");
    }

    fn commit(&mut self, operations: &mut Vec<Value>) {
        let transaction = json!({"success": std::mem::take(operations)});
        self.0.create("/v3/kv/txn", &transaction).expect("etcd stores");
    }
}

/// The object with what the API server gives to one that it stores, under its key: `/registry/{kind}/{namespace}/{name}`.
pub fn stored(kind: &str, number: usize, mut object: Value) -> Stored {
    let metadata = &mut object["metadata"];
    metadata["uid"] = json!(format!("00000000-0000-4000-9000-{number:012}"));
    metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    metadata["generation"] = json!(1);
    let parts = ["namespace", "name"].iter().filter_map(|part| metadata[*part].as_str());
    let place = parts.collect::<Vec<_>>().join("/");
    (format!("/registry/{kind}/{place}"), object)
}
