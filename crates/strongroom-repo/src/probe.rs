//! What the store was found to do, recorded where nobody can change it.

use strongroom_crypt::Roles;
use strongroom_format::{Body, Entry, ProbeAnswer, ProbeRecord, Time, Unknown, object_name};
use strongroom_store::{Answer, Key, Prefix, ProbeOptions, Probed, Question};

use crate::context::{Context, encode_error, get_if_there, random};
use crate::edge::{self, Remote};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::settings::Components;

/// What a store was found to do, when, and what it called itself then.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreProbe {
    /// When it was probed.
    pub time: Time,
    /// The store's name, without secrets.
    pub store: String,
    /// The questions that were asked, with their answers.
    pub answers: Vec<(Question, Answer)>,
}

/// What came of probing again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reprobed {
    /// What the store does now.
    pub now: StoreProbe,
    /// What it did when the repository was created; `None` if that was not recorded.
    pub before: Option<StoreProbe>,
    /// Answers that were *yes* then and are no more. If it is [`Question::AtomicCreate`] and the repository takes many writers, let all of
    /// them but one stop before the next backup: the store no longer decides who comes first.
    pub worse: Vec<Worsened>,
    /// The number of the journal entry that records it.
    pub entry: u64,
    /// Names of scratch objects that could not be deleted.
    pub left: Vec<String>,
}

/// An answer that was *yes* and is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worsened {
    /// What was asked.
    pub question: Question,
    /// What was found now.
    pub now: Answer,
}

impl Repository {
    /// Returns what the store was found to do when the repository was created, as recorded in its first journal entry; `None` of a
    /// repository from before that was recorded. Costs one request.
    ///
    /// # Errors
    ///
    /// `Damaged` when the entry or the record in it is; otherwise what the store said.
    pub async fn store_probe(&self) -> Result<Option<StoreProbe>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-store-probe", move |remote| {
            recorded(remote, this.context())
        })
        .await
    }

    /// Probes the store again, compares what it does with what it did when the repository was created, and records it as evidence.
    ///
    /// A store can change: a proxy is put before it, a cluster is upgraded, credentials lose a right. At most 110 requests, of each part of a split
    /// store, and those
    /// of one journal entry.
    ///
    /// # Errors
    ///
    /// As [`record_evidence`](Self::record_evidence), and as [`store_probe`](Self::store_probe). What the probe itself comes upon is an answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave scratch objects below `session/` behind, and the evidence recorded or not.
    pub async fn reprobe(&self) -> Result<Reprobed> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-reprobe", move |remote| {
            let context = this.context();
            this.journal().refresh(remote, context)?;
            let before = recorded(remote, context)?;
            let (now, left) = StoreProbe::make(remote, &context.components)?;
            let evidence = now.to_record().to_evidence().map_err(encode_error)?;
            let roles = Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR;
            let appended = this.journal().append(remote, context, roles, &mut |_| {
                Ok(Body::Evidence(evidence.clone()))
            })?;
            this.journal().keep(context);
            let worse = before
                .as_ref()
                .map(|before| now.worse_than(before))
                .unwrap_or_default();
            Ok(Reprobed {
                now,
                before,
                worse,
                entry: appended.n,
                left: left.iter().map(Key::to_string).collect(),
            })
        })
        .await
    }
}

/// Returns the record in the first journal entry.
fn recorded(remote: &Remote, context: &Context) -> Result<Option<StoreProbe>> {
    let name = object_name::journal(0);
    let damaged = |error| Error::decode(name.clone(), error);
    let mut found = get_if_there(remote, &name)?;
    if found.is_none() {
        found = get_if_there(remote, &object_name::journal_copy(0))?;
    }
    let Some(bytes) = found else {
        return Ok(None);
    };
    let entry = Entry::decode(&bytes).map_err(damaged)?;
    let keys = context.keys();
    if entry.hash != keys.genesis {
        return Ok(None);
    }
    let payload = entry.open(keys.structure.journal()).map_err(damaged)?;
    let Body::Genesis(genesis) = payload.body else {
        return Ok(None);
    };
    let record = genesis
        .probe
        .map(|record| ProbeRecord::decode(&record).map_err(damaged))
        .transpose()?;
    Ok(record.map(|record| StoreProbe::of_record(&record)))
}

impl StoreProbe {
    /// Probes the store, and names the scratch objects that are left.
    pub(crate) fn make(remote: &Remote, components: &Components) -> Result<(Self, Vec<Key>)> {
        let scratch = u64::from_le_bytes(random(components)?);
        let scratch = Prefix::parse(&format!("session/probe-{scratch:016x}/"))?;
        let time = components.clock.now();
        let options = ProbeOptions::default().with_now(time.seconds);
        let (probed, store) = remote.probe(&scratch, options)?;
        Ok((Self::of(&probed, time, &store), probed.left))
    }

    fn of(probed: &Probed, time: Time, store: &str) -> Self {
        let shorten = |answer: &Answer| match answer {
            Answer::No(why) => Answer::No(shortened(why)),
            Answer::Unknown(why) => Answer::Unknown(shortened(why)),
            other => other.clone(),
        };
        Self {
            time,
            store: shortened(store),
            answers: probed
                .answers()
                .map(|(question, answer)| (question, shorten(answer)))
                .collect(),
        }
    }

    /// Returns the answer to one question.
    #[must_use]
    pub fn answer(&self, question: Question) -> Answer {
        let found = self.answers.iter().find(|(asked, _)| *asked == question);
        let not_asked = || Answer::Unknown("it was not asked".to_owned());
        found.map_or_else(not_asked, |(_, answer)| answer.clone())
    }

    /// Returns the answers that were *yes* before and are not any more.
    fn worse_than(&self, before: &Self) -> Vec<Worsened> {
        let was_yes = before.answers.iter().filter(|(_, answer)| answer.is_yes());
        was_yes
            .map(|(question, _)| Worsened {
                question: *question,
                now: self.answer(*question),
            })
            .filter(|worse| !worse.now.is_yes())
            .collect()
    }

    /// Returns the record of it.
    pub(crate) fn to_record(&self) -> ProbeRecord {
        let row = |(question, answer): &(Question, Answer)| {
            let number = (0..).zip(NUMBERED).find(|(_, one)| one == question)?.0;
            let (code, why) = match answer {
                Answer::Yes => (ProbeAnswer::YES, ""),
                Answer::No(why) => (ProbeAnswer::NO, why.as_str()),
                other => (ProbeAnswer::UNKNOWN, other.why().unwrap_or_default()),
            };
            Some(ProbeAnswer {
                question: number,
                answer: code,
                why: why.to_owned(),
            })
        };
        let mut answers: Vec<_> = self.answers.iter().filter_map(row).collect();
        answers.sort_unstable_by_key(|answer| answer.question);
        ProbeRecord {
            time: self.time,
            store: self.store.clone(),
            answers,
            unknown: Unknown::default(),
        }
    }

    /// Returns what a record says, without what is of a later version.
    fn of_record(record: &ProbeRecord) -> Self {
        let answer = |row: &ProbeAnswer| {
            let at = usize::try_from(row.question).ok()?;
            let question = *NUMBERED.get(at)?;
            let answer = match row.answer {
                ProbeAnswer::YES => Answer::Yes,
                ProbeAnswer::NO => Answer::No(row.why.clone()),
                ProbeAnswer::UNKNOWN => Answer::Unknown(row.why.clone()),
                _ => return None,
            };
            Some((question, answer))
        };
        Self {
            time: record.time,
            store: record.store.clone(),
            answers: record.answers.iter().filter_map(answer).collect(),
        }
    }
}

/// The questions in the order of their numbers in `docs/format.md`, §8.11.
const NUMBERED: [Question; 10] = [
    Question::AtomicCreate,
    Question::ReadAfterWrite,
    Question::Missing,
    Question::Ranges,
    Question::CompleteList,
    Question::OrderedList,
    Question::Delete,
    Question::ConditionalDelete,
    Question::Versioning,
    Question::ObjectLock,
];

/// What a store calls itself, and its reasons, are for people.
const MAX_TEXT_CHARS: usize = 500;

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests;
