//! What a server says of a folder: the `multistatus` of RFC 4918.

use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// What is asked for.
pub(super) const PROPFIND: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>"#,
    "<D:resourcetype/><D:getcontentlength/><D:getlastmodified/></D:prop></D:propfind>"
);

/// A file or folder, as far as the server said it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Resource {
    /// Its URL, or the path of it, percent-encoded.
    pub(super) href: String,
    pub(super) is_folder: bool,
    pub(super) len: Option<u64>,
    /// When it was changed, as HTTP writes dates.
    pub(super) modified: Option<String>,
    /// The code of a status that is about the whole of it.
    pub(super) status: Option<u16>,
}

/// How deep an answer nests at most; the protocol's own depth is six.
const DEPTH_MAX: usize = 32;

/// Reads an answer to [`PROPFIND`].
pub(super) fn parse(xml: &str) -> Result<Vec<Resource>, String> {
    let mut reader = NsReader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut parser = Parser::default();
    loop {
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|error| format!("not XML: {error}"))?;
        let is_dav = matches!(namespace, ResolveResult::Bound(name) if name.0 == "DAV:");
        match event {
            Event::Start(start) => {
                let name = start.local_name();
                parser.open(if is_dav { name.as_ref() } else { "" })?;
            }
            Event::End(_) => parser.close(),
            Event::Text(text) => parser.text.push_str(&text.xml10_content()),
            Event::CData(text) => parser.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let known = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    _ => predefined(&reference.xml10_content()),
                };
                parser.text.push(known.ok_or("an unknown entity")?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !parser.complete {
        return Err("it is no multistatus, or ends too soon".to_owned());
    }
    Ok(parser.resources)
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[derive(Debug, Default)]
struct Parser {
    /// Names of the open elements; empty where they are of another namespace.
    path: Vec<String>,
    /// Text of the element that is open, since its start.
    text: String,
    resources: Vec<Resource>,
    current: Resource,
    /// Properties that are good only if the status after them is.
    pending: Resource,
    complete: bool,
}

impl Parser {
    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.path.len() >= DEPTH_MAX {
            return Err("it nests too deep".to_owned());
        }
        self.path.push(name.to_owned());
        self.text.clear();
        match self.names().as_slice() {
            ["multistatus", "response"] => self.current = Resource::default(),
            ["multistatus", "response", "propstat"] => self.pending = Resource::default(),
            [
                "multistatus",
                "response",
                "propstat",
                "prop",
                "resourcetype",
                "collection",
            ] => {
                self.pending.is_folder = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) {
        let text = self.text.trim().to_owned();
        match self.names().as_slice() {
            ["multistatus"] => self.complete = true,
            ["multistatus", "response"] => {
                let resource = std::mem::take(&mut self.current);
                self.resources.push(resource);
            }
            ["multistatus", "response", "href"] => self.current.href = text,
            ["multistatus", "response", "status"] => self.current.status = status_code(&text),
            ["multistatus", "response", "propstat", "status"] => {
                self.pending.status = status_code(&text);
            }
            [
                "multistatus",
                "response",
                "propstat",
                "prop",
                "getcontentlength",
            ] => {
                self.pending.len = text.parse().ok();
            }
            [
                "multistatus",
                "response",
                "propstat",
                "prop",
                "getlastmodified",
            ] => {
                self.pending.modified = (!text.is_empty()).then_some(text);
            }
            ["multistatus", "response", "propstat"] => self.accept(),
            _ => {}
        }
        self.path.pop();
        self.text.clear();
    }

    fn names(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn accept(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending.status.is_none_or(|code| (200..300).contains(&code)) {
            self.current.is_folder |= pending.is_folder;
            self.current.len = self.current.len.or(pending.len);
            self.current.modified = self.current.modified.take().or(pending.modified);
        }
    }
}

/// Returns the code in `HTTP/1.1 200 OK`.
fn status_code(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the seconds since 1970 of a date as HTTP writes it: `Sun, 22 Nov 2026 08:41:27 GMT`.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let fields: Vec<_> = text.split_whitespace().collect();
    let [_weekday, day, month, year, time, "GMT"] = fields.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|name| name == month)?;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let mut clock = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1970..10_000).contains(&year) || !(1..32).contains(&day) || hour > 24 {
        return None;
    }
    // Days since 1970 of a day in the Gregorian calendar, counted in years that start in March.
    let month = i64::try_from(month).ok()?;
    let (shifted_year, shifted_month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let leaps = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leaps + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APACHE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:g0="DAV:">
<D:href>/dav/pack/</D:href>
<D:propstat><D:prop>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Sun, 22 Nov 2026 08:41:27 GMT</lp1:getlastmodified>
</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><g0:getcontentlength/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
</D:response>
<D:response><D:href>/dav/pack/a%20&amp;b</D:href>
<D:propstat><D:prop><lp1:resourcetype xmlns:lp1="DAV:"/><lp1:getcontentlength xmlns:lp1="DAV:">17</lp1:getcontentlength></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
</D:multistatus>"#;

    #[test]
    fn an_answer_is_read_whatever_the_prefixes_are() {
        let expected = [
            Resource {
                href: "/dav/pack/".to_owned(),
                is_folder: true,
                modified: Some("Sun, 22 Nov 2026 08:41:27 GMT".to_owned()),
                ..Resource::default()
            },
            Resource {
                href: "/dav/pack/a%20&b".to_owned(),
                len: Some(17),
                ..Resource::default()
            },
        ];
        assert_eq!(parse(APACHE).expect("an answer"), expected);
        let default_namespace = APACHE
            .replace("xmlns:D=", "xmlns=")
            .replace("<D:", "<")
            .replace("</D:", "</");
        assert_eq!(parse(&default_namespace).expect("an answer"), expected);
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_an_error() {
        let cut = APACHE.get(..APACHE.len() - 20).expect("within");
        for text in [
            cut,
            "",
            "<html><body>Welcome</body></html>",
            r#"<multistatus xmlns="other:"/>"#,
            &"<a>".repeat(10_000),
        ] {
            assert!(parse(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse_date("Sun, 22 Nov 2026 08:41:27 GMT"),
            Some(1_795_336_887)
        );
        assert_eq!(
            parse_date("Thu, 29 Feb 2024 23:59:59 GMT"),
            Some(1_709_251_199)
        );
        assert_eq!(parse_date("yesterday"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/a-zA-Z:&;\"= ]{0,200}", date in "[a-zA-Z0-9:, ]{0,40}") {
            drop(parse(&text));
            let _ = parse_date(&date);
        }
    }
}
