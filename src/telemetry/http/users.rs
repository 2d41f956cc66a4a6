//! Users and the bcrypt hashes of their passwords.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::digest::{Context, SHA256};

/// Comparisons that are remembered; a scraper sends one password.
const REMEMBERED_MAX: usize = 100;
/// More rounds than 2^this take longer than a scraper waits (8 s on a core of 2025), and hold back everybody else.
const COST_MAX: u32 = 16;
const COST_MIN: u32 = 4;
/// Of a password and its final zero, octets past these have no say.
const KEY_LEN_MAX: usize = 72;
/// bcrypt's alphabet without padding; some tools fill the last bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Who may ask. Clones remember together.
#[derive(Clone, Default)]
pub struct Users {
    hashes: BTreeMap<Box<str>, Bcrypt>,
    memory: Arc<Mutex<Memory>>,
}

/// A bcrypt hash taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

/// What comparisons said, by a digest of all that went into them: passwords are not kept.
#[derive(Default)]
struct Memory(HashMap<[u8; 32], bool>);

impl Users {
    /// The users of these names and hashes, as `htpasswd -nBC 10 "" ` writes them.
    ///
    /// # Errors
    /// With the name of a user whose hash is none, or takes too long.
    pub fn new(users: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut hashes = BTreeMap::new();
        for (name, hash) in users {
            let hash =
                Bcrypt::parse(&hash).map_err(|error| format!("the password of user `{name}` {error}"))?;
            hashes.insert(name.into(), hash);
        }
        Ok(Self { hashes, memory: Arc::default() })
    }

    /// Remembers from now on what `before` has compared.
    pub fn remember(&mut self, before: &Users) {
        self.memory = Arc::clone(&before.memory);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this is the password of the user. Of an unknown user one is compared as well, so that the time does not
    /// tell who is known. Takes long: one comparison at a time, and what was compared before is remembered.
    pub(super) fn knows(&self, user: &str, password: &[u8]) -> bool {
        const NOBODY: Bcrypt = Bcrypt { cost: 10, salt: [0; 16], hash: [0; 23] };
        let known = self.hashes.get(user);
        let hash = known.unwrap_or(&NOBODY);
        let key = digest(user, hash, password);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = match memory.0.get(&key) {
            Some(fits) => *fits,
            None => {
                let fits = hash.fits(password);
                if memory.0.len() >= REMEMBERED_MAX {
                    memory.0.clear();
                }
                memory.0.insert(key, fits);
                fits
            }
        };
        fits && known.is_some()
    }
}

impl Bcrypt {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('$');
        let (Some(""), Some("2a" | "2b" | "2x" | "2y"), Some(cost), Some(rest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("is no bcrypt hash: write what `htpasswd -nB USER` prints".to_owned());
        };
        let cost: u32 = cost.parse().map_err(|_| "has a cost that is no number".to_owned())?;
        if !(COST_MIN..=COST_MAX).contains(&cost) {
            return Err(format!("has cost {cost}: it may be from {COST_MIN} to {COST_MAX}"));
        }
        let decoded = |text: Option<&str>| text.and_then(|text| BASE64.decode(text).ok());
        let parted = |at| if rest.is_ascii() { rest.split_at_checked(at) } else { None };
        let (salt, hash) =
            (decoded(parted(22).map(|(salt, _)| salt)), decoded(parted(22).map(|(_, hash)| hash)));
        match (salt.and_then(|salt| salt.try_into().ok()), hash.and_then(|hash| hash.try_into().ok())) {
            (Some(salt), Some(hash)) => Ok(Self { cost, salt, hash }),
            _ => Err("is a bcrypt hash that was cut or changed".to_owned()),
        }
    }

    fn fits(&self, password: &[u8]) -> bool {
        let mut key = [password, &[0]].concat();
        key.truncate(KEY_LEN_MAX);
        let made = bcrypt::bcrypt(self.cost, self.salt, &key);
        // All octets are looked at, so that the time does not tell how many were right.
        made.iter().zip(&self.hash).fold(0, |differ, (made, wanted)| differ | (made ^ wanted)) == 0
    }
}

fn digest(user: &str, hash: &Bcrypt, password: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&(user.len() as u64).to_be_bytes());
    context.update(user.as_bytes());
    context.update(&hash.cost.to_be_bytes());
    context.update(&hash.salt);
    context.update(&hash.hash);
    context.update(password);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.hashes.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From jBCrypt's tests.
    const ALPHABET: &str = "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz.";

    fn users() -> Users {
        let empty = "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";
        Users::new([("anna".to_owned(), ALPHABET.to_owned()), ("otto".to_owned(), empty.to_owned())]).unwrap()
    }

    #[test]
    fn a_password_is_compared_with_that_of_its_user() {
        let users = users();
        for _ in 0..2 {
            assert!(users.knows("anna", b"abcdefghijklmnopqrstuvwxyz"));
            assert!(!users.knows("anna", b"abcdefghijklmnopqrstuvwxy"));
            assert!(!users.knows("anna", b""));
            assert!(users.knows("otto", b""));
            assert!(!users.knows("hans", b"abcdefghijklmnopqrstuvwxyz"));
        }
        assert_eq!(users.memory.lock().unwrap().0.len(), 5);
    }

    #[test]
    fn a_password_longer_than_the_key_is_cut() {
        let mut users = users();
        users.remember(&Users::default());
        assert!(!users.knows("anna", &[b'x'; 1000]));
        assert!(!users.is_empty() && Users::default().is_empty());
    }

    #[test]
    fn a_hash_that_is_none_is_refused_with_the_name_of_its_user() {
        let refused = |hash: &str| Users::new([("anna".to_owned(), hash.to_owned())]).unwrap_err();
        for (hash, why) in [
            ("secret", "is no bcrypt hash"),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is no bcrypt hash"),
            ("$1$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz.", "is no bcrypt hash"),
            (&ALPHABET.replace("$08$", "$x$"), "no number"),
            (&ALPHABET.replace("$08$", "$31$"), "from 4 to 16"),
            (&ALPHABET[..59], "was cut"),
            ("$2a$08$ä", "was cut"),
        ] {
            let told = refused(hash);
            assert!(told.contains("user `anna`") && told.contains(why), "{hash}: {told}");
        }
    }
}
