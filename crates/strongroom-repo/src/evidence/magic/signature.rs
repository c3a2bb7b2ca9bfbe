//! What files of well-known kinds begin with.
//!
//! Only kinds for which a document says that every file begins so, or which the only program that writes them does. Sources, by the name that the table uses:
//!
//! | name | source |
//! |---|---|
//! | APPNOTE | PKWARE APPNOTE.TXT 6.3.10, 4.3.7 (local header), 4.3.16 (an empty archive has only the end record), 8.5.3 (spanned); the same for what is a ZIP archive: ECMA-376-2 (Office Open XML), OpenDocument 1.3 part 2 chapter 3, EPUB OCF 3.3 chapter 4, the JAR File Specification |
//! | CFB | \[MS-CFB\] 2.2; an encrypted Office Open XML document is one, \[MS-OFFCRYPTO\] 2.3.4 |
//! | PDF | ISO 32000-1, 7.5.2; readers accept it within the first 1,024 bytes, Annex H.3, note 13 |
//! | PNG | W3C Portable Network Graphics (third edition), 5.2 |
//! | JPEG | ITU-T T.81, B.1.1.2: the marker SOI, and the first byte of the next one |
//! | GIF | GIF89a specification, 17 |
//! | TIFF | TIFF 6.0, section 2; 43 in place of 42: BigTIFF |
//! | RIFF | Multimedia Programming Interface and Data Specifications 1.0, chapter 2; EBU Tech 3306 for RF64; RFC 9649, 2.4 for WebP |
//! | BMFF | ISO/IEC 14496-12, 4.3: a box `ftyp` first |
//! | Ogg | RFC 3533, 6 |
//! | gzip | RFC 1952, 2.3.1 |
//! | bzip2 | bzip2 1.0.8, `bzlib_private.h`: `BZ_HDR_B`, `BZ_HDR_Z`, `BZ_HDR_h` |
//! | xz | The .xz File Format 1.2.1, 2.1.1.1 |
//! | zstd | RFC 8878, 3.1.1 and 3.1.2 (skippable frames) |
//! | 7z | `DOC/7zFormat.txt` of the LZMA SDK, "Signature" |
//! | SQLite | <https://www.sqlite.org/fileformat2.html>, 1.3 |
//! | RTF | Rich Text Format 1.9.1, "File Header" |

/// Bytes at a place of a file.
#[derive(Debug, Clone, Copy)]
struct Signature {
    /// At which byte they are, or by which one they begin at the latest.
    at: Place,
    bytes: &'static [u8],
}

#[derive(Debug, Clone, Copy)]
enum Place {
    At(usize),
    Within(usize),
}

/// Bytes of the beginning of a file that are looked at.
pub(super) const HEAD_BYTES: usize = 1_024;

/// Says whether the content of a file of this name begins as such files do, by its first [`HEAD_BYTES`] bytes, or all of it if it is shorter; `None` if nothing
/// is known of such names.
pub(super) fn fits(name: &[u8], head: &[u8]) -> Option<bool> {
    let signatures = of_name(name)?;
    Some(signatures.iter().any(|one| one.is_in(head)))
}

/// Says whether anything is known of such names.
pub(super) fn is_known(name: &[u8]) -> bool {
    of_name(name).is_some()
}

fn of_name(name: &[u8]) -> Option<&'static [Signature]> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let extension = name.get(dot + 1..).filter(|_| dot > 0)?;
    let mut all = KNOWN.iter();
    let found = all.find(|(extensions, _)| {
        let mut extensions = extensions.split(' ');
        extensions.any(|one| one.as_bytes().eq_ignore_ascii_case(extension))
    });
    found.map(|(_, signatures)| *signatures)
}

impl Signature {
    const fn at(at: usize, bytes: &'static [u8]) -> Self {
        Self {
            at: Place::At(at),
            bytes,
        }
    }

    fn is_in(&self, head: &[u8]) -> bool {
        match self.at {
            Place::At(at) => head
                .get(at..)
                .is_some_and(|rest| rest.starts_with(self.bytes)),
            Place::Within(end) => {
                let head = head.get(..end).unwrap_or(head);
                head.windows(self.bytes.len()).any(|one| one == self.bytes)
            }
        }
    }
}

const ZIP: [Signature; 3] = [
    Signature::at(0, b"PK\x03\x04"),
    Signature::at(0, b"PK\x05\x06"),
    Signature::at(0, b"PK\x07\x08"),
];
const CFB: Signature = Signature::at(0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");

/// Extensions, and what files of that name begin with: one of these.
const KNOWN: &[(&str, &[Signature])] = &[
    // APPNOTE
    ("zip jar epub odt ods odp odg", &ZIP),
    // APPNOTE, CFB
    ("docx xlsx pptx docm xlsm pptm", &[ZIP[0], CFB]),
    // CFB
    ("doc xls ppt msg", &[CFB]),
    // PDF
    (
        "pdf",
        &[Signature {
            at: Place::Within(HEAD_BYTES),
            bytes: b"%PDF-",
        }],
    ),
    // PNG
    ("png", &[Signature::at(0, b"\x89PNG\r\n\x1A\n")]),
    // JPEG
    ("jpg jpeg", &[Signature::at(0, b"\xFF\xD8\xFF")]),
    // GIF
    (
        "gif",
        &[Signature::at(0, b"GIF87a"), Signature::at(0, b"GIF89a")],
    ),
    // TIFF
    (
        "tif tiff",
        &[
            Signature::at(0, b"II\x2A\x00"),
            Signature::at(0, b"MM\x00\x2A"),
            Signature::at(0, b"II\x2B\x00"),
            Signature::at(0, b"MM\x00\x2B"),
        ],
    ),
    // RIFF
    ("wav", &[Signature::at(8, b"WAVE")]),
    ("avi", &[Signature::at(8, b"AVI ")]),
    ("webp", &[Signature::at(8, b"WEBP")]),
    // BMFF
    ("mp4 m4a m4v heic", &[Signature::at(4, b"ftyp")]),
    // Ogg
    ("ogg oga ogv opus", &[Signature::at(0, b"OggS")]),
    // gzip
    ("gz tgz", &[Signature::at(0, b"\x1F\x8B")]),
    // bzip2
    ("bz2", &[Signature::at(0, b"BZh")]),
    // xz
    ("xz", &[Signature::at(0, b"\xFD7zXZ\x00")]),
    // zstd; the first byte of a skippable frame is one of sixteen.
    (
        "zst",
        &[
            Signature::at(0, b"\x28\xB5\x2F\xFD"),
            Signature::at(1, b"\x2A\x4D\x18"),
        ],
    ),
    // 7z
    ("7z", &[Signature::at(0, b"7z\xBC\xAF\x27\x1C")]),
    // SQLite
    ("sqlite sqlite3", &[Signature::at(0, b"SQLite format 3\0")]),
    // RTF
    ("rtf", &[Signature::at(0, b"{\\rtf")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_belong_together() {
        let late = [b"junk of a mail gateway\n".as_slice(), b"%PDF-1.7"].concat();
        for (name, head, expected) in [
            ("a.pdf", b"%PDF-1.4".as_slice(), Some(true)),
            ("a.PDF", &late, Some(true)),
            ("a.pdf", b"PK\x03\x04", Some(false)),
            ("a.png", b"\x89PNG\r\n\x1A\n\0\0", Some(true)),
            ("a.png", b"\x89PNG\n", Some(false)),
            ("a.docx", b"PK\x03\x04\x14", Some(true)),
            (
                "locked.docx",
                b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
                Some(true),
            ),
            ("a.docx", b"PK\x05\x06", Some(false)),
            ("empty.zip", b"PK\x05\x06", Some(true)),
            ("a.mp4", b"\0\0\0\x20ftypisom", Some(true)),
            ("a.mp4", b"ftyp", Some(false)),
            ("a.tar.gz", b"\x1F\x8B\x08", Some(true)),
            ("a.wav", b"RIFF\0\0\0\0WAVE", Some(true)),
            ("a.jpg", b"", Some(false)),
            ("a.txt", b"anything", None),
            (".pdf", b"anything", None),
            ("pdf", b"anything", None),
        ] {
            assert_eq!(fits(name.as_bytes(), head), expected, "{name} {head:?}");
            assert_eq!(is_known(name.as_bytes()), expected.is_some(), "{name}");
        }
    }

    #[test]
    fn no_extension_is_there_twice_and_noise_fits_none() {
        let extensions: Vec<&str> = KNOWN
            .iter()
            .flat_map(|(extensions, _)| extensions.split(' '))
            .collect();
        let mut sorted = extensions.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), extensions.len());
        let mut noise = [0; HEAD_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        for extension in extensions {
            let name = format!("a.{extension}");
            assert_eq!(fits(name.as_bytes(), &noise), Some(false), "{name}");
        }
    }
}
