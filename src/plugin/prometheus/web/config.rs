//! The file as it is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

/// More than this is no such file.
const FILE_LEN_MAX: u64 = 1 << 20;

/// All of it; a field that is not here is a mistake.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebConfig {
    pub(super) tls_server_config: Option<TlsConfig>,
    pub(super) http_server_config: HttpConfig,
    pub(super) rate_limit: Option<Rate>,
    /// bcrypt hashes by name.
    pub(super) basic_auth_users: BTreeMap<String, String>,
}

/// Certificates as texts or as files, and who may connect.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsConfig {
    pub(super) cert: String,
    pub(super) cert_file: String,
    pub(super) key: String,
    pub(super) key_file: String,
    pub(super) client_ca: String,
    pub(super) client_ca_file: String,
    pub(super) client_auth_type: String,
    pub(super) client_allowed_sans: Vec<String>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    /// Without a meaning for ten years; files have it still.
    prefer_server_cipher_suites: bool,
}

/// What answers look like.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpConfig {
    /// Every client that speaks HTTP/2 speaks HTTP/1.1 too, which is what there is.
    http2: bool,
    pub(super) headers: BTreeMap<String, String>,
}

/// How many requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    #[serde(default)]
    pub(super) burst: u32,
    pub(super) interval: String,
}

impl WebConfig {
    /// Reads a file. An empty one is a configuration without anything.
    ///
    /// # Errors
    /// With the place in the file, where it was read.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let text = read(file)?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(&text).map_err(|error| {
            // The error shows the lines around it as well; the first one says what and where.
            let told = error.to_string();
            format!("`{}`: {}", file.display(), told.lines().next().unwrap_or_default())
        })
    }
}

/// The text of a file of reasonable length.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let read = || {
        let mut text = String::new();
        File::open(file)?.take(FILE_LEN_MAX).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|error: std::io::Error| format!("cannot read `{}`: {error}", file.display()))
}
