//! The recovery kit: a page of paper that restores on a machine with nothing.

pub(crate) mod date;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::{GenesisPin, RecoveryCode, RepositoryId, Suite};
use strongroom_format::{ObjectHash, Time};
use zeroize::Zeroizing;

pub use self::parse::KitError;
use crate::credential::Credential;
use crate::repository::Repository;

/// What somebody needs who has nothing else: where the repository is, which one it is, and a code that opens it.
///
/// It has no `Display`, and `Debug` leaves the code out: showing it is a decision, [`to_text`](Self::to_text).
///
/// ```
/// use strongroom_crypt::{GenesisPin, RepositoryId, Suite};
/// use strongroom_format::Time;
/// use strongroom_repo::RecoveryKit;
///
/// let id = RepositoryId::from_bytes([7; 16]);
/// let pin = GenesisPin::from_bytes([9; 32]);
/// let kit = RecoveryKit::new("file:///srv/backup", id, Suite::Aes256Gcm, pin, Time::new(0, 0));
/// let typed = kit.to_text().to_lowercase();
/// let read = RecoveryKit::parse(&typed)?;
/// assert_eq!((read.location(), read.pin()), ("file:///srv/backup", pin));
/// # Ok::<(), strongroom_repo::KitError>(())
/// ```
#[derive(Clone)]
pub struct RecoveryKit {
    location: String,
    repository: RepositoryId,
    suite: Suite,
    pin: GenesisPin,
    code: Option<Arc<RecoveryCode>>,
    written: Time,
}

impl RecoveryKit {
    /// Makes one without a code: the page has a blank line for it.
    #[must_use]
    pub fn new(
        location: impl Into<String>,
        repository: RepositoryId,
        suite: Suite,
        pin: GenesisPin,
        written: Time,
    ) -> Self {
        Self {
            location: location.into(),
            repository,
            suite,
            pin,
            code: None,
            written,
        }
    }

    /// Adds the recovery code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Arc<RecoveryCode>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Reads a page that was printed, scanned or typed again: case and spaces do not matter, nor what is not one of its lines, and `O`, `I` and
    /// `L` count as digits where only digits are.
    ///
    /// # Errors
    ///
    /// [`KitError`] names the line that is missing or mistyped.
    pub fn parse(text: &str) -> Result<Self, KitError> {
        parse::parse(text)
    }

    /// Returns where the repository is, as it was given.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the name that every object of the repository carries.
    #[must_use]
    pub fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// Returns the algorithms of the repository.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns the pin of the repository, for [`RepositoryBuilder::pin`](crate::RepositoryBuilder::pin).
    #[must_use]
    pub fn pin(&self) -> GenesisPin {
        self.pin
    }

    /// Returns when it was written.
    #[must_use]
    pub fn written(&self) -> Time {
        self.written
    }

    /// Returns what opens the repository; `None` if it is encrypted and the kit has no code.
    #[must_use]
    pub fn credential(&self) -> Option<Credential> {
        match (&self.code, self.suite) {
            (_, Suite::None) => Some(Credential::None),
            (Some(code), _) => Some(Credential::RecoveryCode(Arc::clone(code))),
            (None, _) => None,
        }
    }

    /// Returns the page as plain text, wiped when dropped. The same kit gives the same text.
    ///
    /// # Security
    ///
    /// Whoever has it and can read the store can read everything. Print it; do not send it, and keep no file of it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let code = match (&self.code, self.suite) {
            (_, Suite::None) => Zeroizing::new("none is needed: nothing is encrypted".to_owned()),
            (Some(code), _) => code.to_text(),
            (None, _) => Zeroizing::new(BLANK.to_owned()),
        };
        let mut text = Zeroizing::new(String::with_capacity(ROOM));
        let lines = [
            (parse::LOCATION, self.location.as_str()),
            (parse::REPOSITORY, &checked(self.repository.as_bytes())),
            (parse::SUITE, &suite_name(self.suite)),
            (parse::PIN, &checked(self.pin.as_bytes())),
            (parse::CODE, code.as_str()),
            (parse::WRITTEN, &date::of(self.written)),
        ];
        text.push_str(HEAD);
        for (label, value) in lines {
            text.push_str(label);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
        }
        text.push_str(STEPS);
        text
    }

    /// Returns the page as HTML, to be printed by a browser; otherwise as [`to_text`](Self::to_text).
    #[must_use]
    pub fn to_html(&self) -> Zeroizing<String> {
        let text = self.to_text();
        let mut html = Zeroizing::new(String::with_capacity(2 * ROOM));
        html.push_str("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Recovery kit</title>\n<pre style=\"white-space: pre-wrap\">\n");
        for character in text.chars() {
            match character {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                other => html.push(other),
            }
        }
        html.push_str("</pre>\n");
        html
    }
}

/// Says everything but the code.
impl fmt::Debug for RecoveryKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryKit")
            .field("location", &self.location)
            .field("repository", &self.repository)
            .field("suite", &self.suite)
            .field("pin", &self.pin)
            .field("has_code", &self.code.is_some())
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Makes the recovery kit of this repository, which people find at `location`, as of now. Add a code to it:
    /// that of [`Created`](crate::Created), or one of a new slot.
    #[must_use]
    pub fn recovery_kit(&self, location: impl Into<String>) -> RecoveryKit {
        let now = self.context().components.clock.now();
        RecoveryKit::new(location, self.id(), self.suite(), self.pin(), now)
    }
}

/// Writes bytes as groups of four digits, and behind them four that tell whether they were typed right.
fn checked(bytes: &[u8]) -> String {
    let mut text = String::new();
    let check = ObjectHash::of(bytes);
    let (check, _) = check.as_bytes().split_at(CHECK_LEN);
    for (at, byte) in bytes.iter().chain(check).enumerate() {
        if at == bytes.len() {
            text.push_str(" /");
        }
        if at > 0 && at.is_multiple_of(2) {
            text.push(' ');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn suite_name(suite: Suite) -> String {
    let name = match suite {
        Suite::None => ", no encryption",
        Suite::Aes256Gcm => ", AES-256-GCM",
        Suite::ChaCha20Poly1305 => ", ChaCha20-Poly1305",
        _ => "",
    };
    format!("{}{name}", suite.id())
}

/// Bytes of the check behind what is typed.
const CHECK_LEN: usize = 2;
/// Growing would leave pieces of the code behind.
const ROOM: usize = 8_192;
const BLANK: &str = "_______-_______-_______-_______-_______-_______-_______-_______";
const HEAD: &str = "\
STRONGROOM RECOVERY KIT

Whoever has this page and can read the place below can read everything in it. Keep it where neither
a fire nor a thief gets it together with the machine that is backed up.

";
const STEPS: &str = "
TO RESTORE ON A MACHINE WITH NOTHING

1. Get the program `sr-kit` of Strongroom, or build it from its source with a Rust compiler:
       cargo build --release -p strongroom-examples
2. Type the lines above into a file, kit.txt. Case and spaces do not matter. If the repository has moved,
   write the new location.
3. List what there is, and restore it:
       sr-kit restore --kit kit.txt --target DIR
   `--snapshot ID` takes another snapshot than the latest; `sr-kit list --kit kit.txt` lists all.
4. It says `another repository` if the place shows one that is not this: do not trust that.
5. Should there be no program left: the document `docs/format.md`, \"The Strongroom repository format,
   version 1\", says what every byte means, and `tools/decoder` is a reader written from it alone.
";
