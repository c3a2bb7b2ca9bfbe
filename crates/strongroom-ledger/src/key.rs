//! Keys of signed notes (C2SP signed-note, "verifier keys"), and what they sign (C2SP tlog-cosignature).

use std::fmt;

use strongroom_crypt::{Random, Secret, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::base64;
use crate::error::ParseError;
use crate::hash::{hex, sha256};
use crate::name::{MAX_NAME_BYTES, key_name};
use crate::note::SignatureLine;

/// What a key signs. The numbers are those of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// Ed25519 over the text of a note: logs, makers of bundles. Number 1.
    Note,
    /// Ed25519 over the text and a time, `cosignature/v1`: witnesses. Number 4.
    Cosigner,
}

/// The four bytes that tell keys of one name apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// A public key with its name: a *vkey*.
///
/// ```
/// use strongroom_ledger::{Note, VerifierKey};
///
/// let key = VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")?;
/// let note = Note::parse("This is an example message.\n\n\
///     — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
///     .as_bytes())?;
/// assert_eq!(note.verify(&[&key])?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: VerifyingKey,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There are no random bytes. Try again later.
    #[error(transparent)]
    Random(strongroom_crypt::Error),
    /// No key may have this name.
    #[error(transparent)]
    Name(ParseError),
}

impl KeyKind {
    const fn number(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosigner => 4,
        }
    }
}

impl KeyId {
    /// Takes four bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Returns the four bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl VerifierKey {
    /// Gives a public key a name and a use.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is empty, above 1,024 bytes, or has a space, a plus or a control character.
    pub fn new(name: &str, kind: KeyKind, public: VerifyingKey) -> Result<Self, ParseError> {
        Ok(Self {
            name: key_name(name)?,
            kind,
            public,
        })
    }

    /// Parses `name+id+base64`.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is none, or its id is not that of name and key; `Unsupported` for other algorithms.
    pub fn parse(vkey: &str) -> Result<Self, ParseError> {
        let (name, id, key) = split(vkey)?;
        let at = vkey.len() - key.len();
        let wrong = ParseError::new("public key", at);
        let key = base64::decode(key, MAX_KEY_BYTES).ok_or(wrong)?;
        let (kind, public) = kind_of(&key, at)?;
        let public = VerifyingKey::from_bytes(public.try_into().map_err(|_| wrong)?);
        let parsed = Self::new(name, kind, public)?;
        match parsed.id().to_string() == id {
            true => Ok(parsed),
            false => Err(ParseError::new("id of a key", name.len() + 1)),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the public key itself. Keys are duplicates if these are equal, whatever their names.
    #[must_use]
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// Computes the id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let kind = [self.kind.number()];
        let [a, b, c, d, ..] =
            sha256(&[self.name.as_bytes(), b"\n", &kind, self.public.as_bytes()]);
        KeyId([a, b, c, d])
    }

    /// Says whether a signature line claims to be of this key.
    pub(crate) fn is_claimed_by(&self, line: &SignatureLine) -> bool {
        line.name() == self.name && line.id() == self.id()
    }

    /// Verifies a signature of `text`; returns the time of a cosignature.
    pub(crate) fn verify(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            KeyKind::Note => {
                let signature = signature.try_into().ok()?;
                self.public.verify(text.as_bytes(), signature).ok()?;
                Some(None)
            }
            KeyKind::Cosigner => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                let message = cosigned(time, text);
                self.public
                    .verify(message.as_bytes(), signature.try_into().ok()?)
                    .ok()?;
                (time <= MAX_TIME).then_some(Some(time))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.number()], self.public.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), base64::encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A private key with its name. It never prints.
///
/// A log has one that signs nothing else, and its host keeps it apart from every key of the repository.
pub struct NoteSigner {
    public: VerifierKey,
    key: SigningKey,
}

impl NoteSigner {
    /// Gives a private key a name and a use.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that no key may have.
    pub fn new(name: &str, kind: KeyKind, key: SigningKey) -> Result<Self, ParseError> {
        let public = VerifierKey::new(name, kind, key.public())?;
        Ok(Self { public, key })
    }

    /// Makes a random key.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn generate(name: &str, kind: KeyKind, random: &dyn Random) -> Result<Self, KeyError> {
        let key = SigningKey::generate(random).map_err(KeyError::Random)?;
        Self::new(name, kind, key).map_err(KeyError::Name)
    }

    /// Parses what [`encode`](Self::encode) writes: `PRIVATE+KEY+name+id+base64`, as other programs for signed notes do.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is none, or its id is not that of name and key; `Unsupported` for other algorithms.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let rest = text
            .strip_prefix(PRIVATE)
            .ok_or(ParseError::new("private key", 0))?;
        let (name, id, key) = split(rest).map_err(|error| error.shifted(PRIVATE.len()))?;
        let wrong = ParseError::new("private key", text.len() - key.len());
        let key = base64::decode(key, MAX_KEY_BYTES)
            .map(Zeroizing::new)
            .ok_or(wrong)?;
        let (kind, seed) = kind_of(&key, wrong.at())?;
        let seed = Secret::from_bytes(seed.try_into().map_err(|_| wrong)?);
        let signer = Self::new(name, kind, SigningKey::from_seed(seed).map_err(|_| wrong)?)?;
        match signer.public.id().to_string() == id {
            true => Ok(signer),
            false => Err(ParseError::new(
                "id of a key",
                PRIVATE.len() + name.len() + 1,
            )),
        }
    }

    /// Writes the key, for the host to keep.
    ///
    /// # Security
    ///
    /// Whoever reads it signs as this key. The text is wiped when it is dropped.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        let kind = [self.public.kind.number()];
        let key = Zeroizing::new([kind.as_slice(), self.key.seed().expose()].concat());
        let key = Zeroizing::new(base64::encode(&key));
        let VerifierKey { name, .. } = &self.public;
        let mut text = Zeroizing::new(String::with_capacity(PRIVATE.len() + name.len() + 64));
        for part in [PRIVATE, name, "+", &self.public.id().to_string(), "+", &key] {
            text.push_str(part);
        }
        text
    }

    /// Returns the public half.
    #[must_use]
    pub const fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs `text` as a note; a cosigner does so at `time`, in seconds since 1970, and other keys ignore it.
    pub(crate) fn sign(&self, text: &str, time: u64) -> SignatureLine {
        let signature = match self.public.kind {
            KeyKind::Note => self.key.sign(text.as_bytes()).to_vec(),
            KeyKind::Cosigner => {
                let time = time.min(MAX_TIME);
                let signature = self.key.sign(cosigned(time, text).as_bytes());
                [time.to_be_bytes().as_slice(), &signature].concat()
            }
        };
        SignatureLine::trusted(self.public.name.clone(), self.public.id(), signature)
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({:?}, ..)", self.public)
    }
}

fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Splits `name+id+base64`; the last part may have a plus.
fn split(text: &str) -> Result<(&str, &str, &str), ParseError> {
    if text.len() > MAX_NAME_BYTES + 2 * MAX_KEY_BYTES {
        return Err(ParseError::too_large("key", 0));
    }
    let parts = || {
        let (name, rest) = text.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        Some((name, id, key))
    };
    parts().ok_or(ParseError::new("key", 0))
}

/// Splits the number of an algorithm off a key.
fn kind_of(key: &[u8], at: usize) -> Result<(KeyKind, &[u8]), ParseError> {
    match key.split_first() {
        Some((1, rest)) => Ok((KeyKind::Note, rest)),
        Some((4, rest)) => Ok((KeyKind::Cosigner, rest)),
        Some(_) => Err(ParseError::unsupported("algorithm of a key", at)),
        None => Err(ParseError::new("key", at)),
    }
}

/// Enough for the public keys of every algorithm that has a number.
const MAX_KEY_BYTES: usize = 4096;

/// The greatest time of a cosignature.
const MAX_TIME: u64 = i64::MAX.unsigned_abs();

const PRIVATE: &str = "PRIVATE+KEY+";

#[cfg(test)]
mod tests;
