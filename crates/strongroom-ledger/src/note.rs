//! Signed notes (C2SP signed-note): a text, and lines with signatures of it.

use std::fmt;

use crate::base64;
use crate::error::ParseError;
use crate::key::{KeyId, NoteSigner, VerifierKey};
use crate::name::is_key_name;

/// Bytes of a note, signatures included.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// Signatures of a note. Every verifier takes 16.
pub const MAX_NOTE_SIGNATURES: usize = 128;

/// Bytes of one signature.
pub const MAX_NOTE_SIGNATURE_BYTES: usize = 8192;

/// A text and signatures of it, which prove nothing before [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One line: who claims to have signed, and the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    id: KeyId,
    signature: Vec<u8>,
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Whose it is.
    pub key: VerifierKey,
    /// When a cosigner signed, in seconds since 1970.
    pub time: Option<u64>,
}

/// Why a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// None of the known keys signed it.
    #[error("no known key signed it")]
    UnknownSigner,
    /// A signature claims to be of a known key, and is not.
    #[error("the signature of {0} does not hold")]
    BadSignature(String),
}

impl Note {
    /// Makes a note without signatures.
    ///
    /// # Errors
    ///
    /// `Invalid` unless `text` ends with a newline and has no other control character; `TooLarge` above 1 MiB.
    pub fn new(text: impl Into<String>) -> Result<Self, ParseError> {
        let text = text.into();
        if text.len() > MAX_NOTE_BYTES {
            return Err(ParseError::too_large("text of a note", 0));
        }
        check_characters(&text)?;
        match text.ends_with('\n') {
            true => Ok(Self {
                text,
                signatures: Vec::new(),
            }),
            false => Err(ParseError::new("end of a note's text", text.len())),
        }
    }

    /// Parses a note with at least one signature.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 1 MiB, 128 signatures or 8 KiB of one; `Invalid` otherwise.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(ParseError::too_large("note", 0));
        }
        let all = std::str::from_utf8(bytes)
            .map_err(|error| ParseError::new("UTF-8 of a note", error.valid_up_to()))?;
        check_characters(all)?;
        // The text ends before the last empty line.
        let end = all
            .rfind("\n\n")
            .ok_or(ParseError::new("signatures of a note", all.len()))?;
        let (text, rest) = all.split_at(end + 1);
        let lines = rest.strip_prefix('\n').unwrap_or(rest);
        let signatures = SignatureLine::parse_all(lines).map_err(|error| error.shifted(end + 2))?;
        match signatures.is_empty() {
            true => Err(ParseError::new("signatures of a note", all.len())),
            false => Ok(Self {
                text: text.to_owned(),
                signatures,
            }),
        }
    }

    /// Returns the text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signatures as they stand, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature. A cosigner's has `time`, in seconds since 1970; for other keys it is ignored.
    pub fn sign(&mut self, signer: &NoteSigner, time: u64) {
        let line = signer.sign(&self.text, time);
        self.signatures.push(line);
    }

    /// Adds those of the `lines` that are signatures of `text` by one of these keys, each key's once, and says how many were added. All others are ignored.
    ///
    /// This is how the answers of witnesses are merged, whenever and however they come.
    pub fn merge(&mut self, lines: &[SignatureLine], keys: &[&VerifierKey]) -> usize {
        let before = self.signatures.len();
        for key in keys {
            let holds = |line: &&SignatureLine| {
                key.is_claimed_by(line) && key.verify(&self.text, &line.signature).is_some()
            };
            let is_there = self.signatures.iter().any(|line| key.is_claimed_by(line));
            let room = self.signatures.len() < MAX_NOTE_SIGNATURES;
            if let Some(line) = lines.iter().find(holds).filter(|_| room && !is_there) {
                self.signatures.push(line.clone());
            }
        }
        self.signatures.len() - before
    }

    /// Says which of `keys` signed; each of them once, in the order of the lines. Signatures of other keys are ignored.
    ///
    /// # Errors
    ///
    /// `BadSignature` when a line claims to be of one of the keys and is not; `UnknownSigner` when none signed.
    pub fn verify(&self, keys: &[&VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        let mut verified: Vec<Verified> = Vec::new();
        for line in &self.signatures {
            for key in keys.iter().filter(|key| key.is_claimed_by(line)) {
                let time = key
                    .verify(&self.text, &line.signature)
                    .ok_or_else(|| NoteError::BadSignature(line.name.clone()))?;
                if verified.iter().all(|one| one.key != **key) {
                    verified.push(Verified {
                        key: (*key).clone(),
                        time,
                    });
                }
            }
        }
        match verified.is_empty() {
            true => Err(NoteError::UnknownSigner),
            false => Ok(verified),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    pub(crate) const fn trusted(name: String, id: KeyId, signature: Vec<u8>) -> Self {
        Self {
            name,
            id,
            signature,
        }
    }

    /// Parses lines, each with its newline: the end of a note, or the answer of a witness.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 128 lines or 8 KiB of one signature; `Invalid` otherwise.
    pub fn parse_all(lines: &str) -> Result<Vec<Self>, ParseError> {
        let mut parsed = Vec::new();
        let mut at = 0;
        for line in lines.split_inclusive('\n') {
            if parsed.len() == MAX_NOTE_SIGNATURES {
                return Err(ParseError::too_large("number of signatures", at));
            }
            let wrong = ParseError::new("signature line", at);
            let whole = line.strip_suffix('\n').ok_or(wrong)?;
            parsed.push(Self::parse(whole).ok_or(wrong)?);
            at += line.len();
        }
        Ok(parsed)
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
        let signature = base64::decode(signature, 4 + MAX_NOTE_SIGNATURE_BYTES)?;
        let (id, signature) = signature.split_first_chunk()?;
        is_key_name(name).then(|| Self {
            name: name.to_owned(),
            id: KeyId::from_bytes(*id),
            signature: signature.to_vec(),
        })
    }

    /// Returns the name of the key that it claims.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id of the key that it claims.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = [self.id.as_bytes(), self.signature.as_slice()].concat();
        write!(f, "— {} {}", self.name, base64::encode(&signature))
    }
}

impl fmt::Debug for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureLine({self})")
    }
}

fn check_characters(text: &str) -> Result<(), ParseError> {
    let wrong = text.bytes().position(|c| c < 0x20 && c != b'\n');
    wrong.map_or(Ok(()), |at| Err(ParseError::new("character of a note", at)))
}

#[cfg(test)]
mod tests;
