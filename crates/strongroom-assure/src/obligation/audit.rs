//! Audits: what was judged, over which time, by which evidence, frozen by a hash that people sign.

use serde::Serialize;
use strongroom_format::ObjectHash;
use strongroom_format::record::Decision;
use strongroom_retain::Moment;

use crate::assess::Assessment;
use crate::control::{Case, Verdict};
use crate::framework::Tally;
use crate::history::EntryRef;
use crate::report::as_text;

/// An audit: what was judged, over which time, and which evidence somebody must look at.
///
/// Its [`hash`](Self::hash) is that of its JSON. People sign that, by a sign-off in the journal; no
/// audit is signed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// What it is about, in words.
    pub scope: String,
    /// The beginning of the time.
    #[serde(with = "as_text")]
    pub from: Moment,
    /// Its end: when it was judged.
    #[serde(with = "as_text")]
    pub until: Moment,
    /// Name and revision of the policy.
    pub policy: String,
    /// How many controls have which verdict.
    pub tally: Tally,
    /// Each control.
    pub controls: Vec<AuditControl>,
    /// From what the sample was drawn: whoever has it draws the same one.
    pub seed: String,
    /// Journal entries that somebody must look at.
    pub sample: Vec<EntryRef>,
    /// How many entries the verdicts rest on.
    pub evidence: usize,
}

/// What an audit says about a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditControl {
    /// Its name.
    pub id: String,
    /// What it asks.
    pub title: String,
    /// The most urgent verdict.
    pub verdict: Verdict,
    /// How many scopes have which verdict: pass, fail, unknown, not applicable.
    pub counts: [usize; 4],
    /// The journal entries that it rests on.
    pub because: Vec<EntryRef>,
}

/// Somebody's decision about an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditSignature {
    /// Digest of who.
    pub person: String,
    /// In which role.
    pub role: String,
    /// What.
    pub decision: String,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// The journal entry.
    pub entry: EntryRef,
}

impl Audit {
    /// Freezes an assessment.
    ///
    /// `seed` is something that nobody could choose: the hash of the journal's head, say. The sample
    /// is drawn by it among all entries that verdicts rest on.
    #[must_use]
    pub fn freeze(
        assessment: &Assessment,
        scope: impl Into<String>,
        from: Moment,
        seed: impl Into<String>,
        sample: usize,
    ) -> Self {
        let seed = seed.into();
        let controls: Vec<AuditControl> = assessment
            .controls
            .iter()
            .map(|one| {
                let mut because: Vec<EntryRef> = one
                    .judgements
                    .iter()
                    .flat_map(|one| one.because.iter().copied())
                    .collect();
                because.sort_unstable();
                because.dedup();
                AuditControl {
                    id: one.spec.id.to_owned(),
                    title: one.spec.title.to_owned(),
                    verdict: one.verdict,
                    counts: [
                        Verdict::Pass,
                        Verdict::Fail,
                        Verdict::Unknown,
                        Verdict::NotApplicable,
                    ]
                    .map(|verdict| one.count(verdict)),
                    because,
                }
            })
            .collect();
        let mut entries: Vec<EntryRef> = controls
            .iter()
            .flat_map(|one| one.because.clone())
            .collect();
        entries.sort_unstable();
        entries.dedup();
        let evidence = entries.len();
        Self {
            scope: scope.into(),
            from,
            until: assessment.at,
            policy: format!("{} {}", assessment.policy.name, assessment.policy.revision),
            tally: assessment.tally,
            controls,
            sample: drawn(entries, &seed, sample),
            seed,
            evidence,
        }
    }

    /// Returns its JSON: the very bytes that are hashed and signed.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Returns the hash that people sign.
    #[must_use]
    pub fn hash(&self) -> ObjectHash {
        ObjectHash::of(self.to_json().as_bytes())
    }

    /// Returns who decided about this very audit, out of the journal.
    #[must_use]
    pub fn signatures(&self, case: &Case<'_>) -> Vec<AuditSignature> {
        let hash = self.hash();
        let about = case
            .records()
            .sign_offs
            .iter()
            .filter(|one| one.fact.document == hash);
        about
            .filter(|one| !matches!(one.fact.decision, Decision::Other(_)))
            .filter_map(|one| {
                Some(AuditSignature {
                    person: one.head.actor?.to_string(),
                    role: one.fact.role.clone(),
                    decision: one.fact.decision.to_string(),
                    at: Moment::utc(one.at),
                    entry: one.entry,
                })
            })
            .collect()
    }
}

/// Draws some of the entries: those whose hashes, with the seed, are the least.
fn drawn(entries: Vec<EntryRef>, seed: &str, count: usize) -> Vec<EntryRef> {
    let mut ranked: Vec<(ObjectHash, EntryRef)> = entries
        .into_iter()
        .map(|entry| (ObjectHash::of(format!("{seed}\0{entry}").as_bytes()), entry))
        .collect();
    ranked.sort_by_key(|(hash, entry)| (*hash.as_bytes(), *entry));
    let mut sample: Vec<EntryRef> = ranked
        .into_iter()
        .take(count)
        .map(|(_, entry)| entry)
        .collect();
    sample.sort_unstable();
    sample
}
