//! What becomes of a call.

use std::ops::Range;

use bytes::Bytes;
use strongroom_store::{
    Cause, Error, ErrorKind, Key, MAX_OBJECT_BYTES, ObjectMeta, Prefix, PutMode, Result, Retention,
};

use super::actor::Doing;
use super::shelf::Change;
use super::turn::DAY;
use super::{NANOS, State, World};
use crate::faults::Fault;
use crate::trace::Event;

/// What is asked of the store.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Put(Key, Bytes, PutMode, Option<Retention>),
    Get(Key, Option<Range<u64>>),
    Head(Key),
    Delete(Key),
    List(Prefix),
    Lock(Key),
    Extend(Key, Retention),
}

/// What the store answers.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    Bytes(Bytes),
    Meta(ObjectMeta),
    /// With an error at the end of a list that broke off.
    List(Vec<ObjectMeta>, Option<Error>),
    Lock(Option<Retention>),
}

impl World {
    /// Asks the store, for a client in one of its lives or for a bystander.
    pub(crate) fn ask(&self, who: Option<(usize, u32)>, asked: &Asked) -> Result<Answer> {
        let state = self.state();
        let Some((client, life)) = who else {
            let mut state = state;
            return state.carry_out(asked, None);
        };
        if !state.is_alive(client, life) {
            return Err(asked.fails(ErrorKind::Other, DEAD));
        }
        let mut state = self.next_turn(state, client);
        if state.strikes(Fault::Pause) {
            state.fall_asleep(client);
            state = self.next_turn(state, client);
        }
        if state.strikes(Fault::ClockJump) {
            let jump = state.years();
            if let Some(actor) = state.actors.get_mut(client) {
                actor.clock_offset += jump;
            }
            state.note(Some(client), "clock", Fault::ClockJump);
        }
        if state.exhausted {
            return Err(asked.fails(ErrorKind::Other, "the world has given up"));
        }
        let fault = state.fault_of(asked);
        let answer = match fault {
            Some(fault) => state.suffer(client, asked, fault),
            None => state.carry_out(asked, None),
        };
        state.record_call(client, asked, fault, &answer);
        answer
    }
}

impl State {
    fn is_alive(&self, client: usize, life: u32) -> bool {
        let actor = self.actors.get(client);
        !self.exhausted && actor.is_some_and(|actor| !actor.dead && actor.life == life)
    }

    fn fall_asleep(&mut self, client: usize) {
        let days = match self.dice.below(3) {
            0 => 90,
            1 => 2,
            _ => 0,
        };
        let seconds = self.dice.below(days * DAY + 600);
        self.time += i128::from(seconds) * NANOS;
        let until = self.step + self.dice.between(1, 400);
        if let Some(actor) = self.actors.get_mut(client) {
            actor.doing = Doing::Asleep(until);
        }
        self.note(Some(client), "asleep", Fault::Pause);
    }

    /// Chooses what goes wrong.
    fn fault_of(&mut self, asked: &Asked) -> Option<Fault> {
        let candidates: &[Fault] = match asked {
            Asked::Put(_, _, PutMode::Create, _) => &[
                Fault::CrashBefore,
                Fault::CrashAfter,
                Fault::CrashLate,
                Fault::TornWrite,
                Fault::LateWrite,
                Fault::LostReply,
                Fault::Duplicate,
                Fault::Retried,
                Fault::Error,
            ],
            Asked::Put(..) | Asked::Delete(_) => &[
                Fault::CrashBefore,
                Fault::CrashAfter,
                Fault::CrashLate,
                Fault::LateWrite,
                Fault::LostReply,
                Fault::Duplicate,
                Fault::Error,
            ],
            Asked::Lock(_) | Asked::Extend(..) => &[Fault::CrashBefore, Fault::Error],
            Asked::Get(..) | Asked::Head(_) => {
                &[Fault::CrashBefore, Fault::StaleRead, Fault::Error]
            }
            Asked::List(_) => &[Fault::CrashBefore, Fault::StaleList, Fault::Error],
        };
        candidates
            .iter()
            .copied()
            .find(|fault| self.strikes(*fault))
    }

    /// Carries out a call at which something goes wrong.
    fn suffer(&mut self, client: usize, asked: &Asked, fault: Fault) -> Result<Answer> {
        match fault {
            Fault::LostReply => {
                self.carry_out(asked, None)?;
                Err(asked.fails(self.doubt(), "the reply was lost"))
            }
            Fault::Retried => {
                self.carry_out(asked, None)?;
                Err(asked.fails(ErrorKind::AlreadyExists, "it was asked twice"))
            }
            Fault::LateWrite => {
                self.send_later(asked);
                Err(asked.fails(self.doubt(), "no reply came"))
            }
            Fault::Duplicate => {
                let answer = self.carry_out(asked, None)?;
                self.send_later(asked);
                Ok(answer)
            }
            Fault::StaleList | Fault::StaleRead => {
                let age = self.dice.between(1, 120);
                let since = self.step.saturating_sub(age);
                self.carry_out(asked, Some(since))
            }
            Fault::CrashBefore | Fault::CrashAfter | Fault::CrashLate | Fault::TornWrite => {
                self.crash(client, asked, fault);
                Err(asked.fails(ErrorKind::Other, DEAD))
            }
            _ => Err(self.failure(asked)),
        }
    }

    fn crash(&mut self, client: usize, asked: &Asked, fault: Fault) {
        match fault {
            Fault::CrashAfter => drop(self.carry_out(asked, None)),
            Fault::CrashLate => self.send_later(asked),
            Fault::TornWrite => self.tear(asked),
            _ => {}
        }
        if let Some(actor) = self.actors.get_mut(client) {
            actor.dead = true;
        }
    }

    /// Leaves a part of an object, where a store may.
    fn tear(&mut self, asked: &Asked) {
        let Asked::Put(key, data, PutMode::Create, retention) = asked else {
            return;
        };
        let may = |folder: &String| key.as_str().starts_with(folder.as_str());
        if self.plan.torn_below.iter().any(may) {
            let len = self.dice.index(data.len());
            let step = self.step;
            self.shelf
                .put(key, data.slice(..len), (PutMode::Create, *retention), step);
        }
    }

    fn send_later(&mut self, asked: &Asked) {
        match asked {
            Asked::Put(key, data, mode, retention) => {
                self.send(Change::Put(key.clone(), data.clone(), *mode, *retention));
            }
            Asked::Delete(key) => self.send(Change::Delete(key.clone())),
            Asked::Get(..)
            | Asked::Head(_)
            | Asked::List(_)
            | Asked::Lock(_)
            | Asked::Extend(..) => {}
        }
    }

    /// The kind of an error after which nobody knows what happened.
    fn doubt(&mut self) -> ErrorKind {
        if self.dice.one_in(4) {
            ErrorKind::Other
        } else {
            ErrorKind::Unavailable
        }
    }

    /// An error of a call that had no effect, of any kind that says nothing of the object.
    fn failure(&mut self, asked: &Asked) -> Error {
        let kind = match (self.dice.below(10), asked) {
            (0, _) => ErrorKind::PermissionDenied,
            (1, Asked::Put(..)) => ErrorKind::NoSpace,
            (1, Asked::Delete(_)) => ErrorKind::Unsupported,
            (2 | 3, _) => ErrorKind::Other,
            _ => ErrorKind::Unavailable,
        };
        asked.fails(kind, "told to fail")
    }

    /// Does what is asked; a stale reader knows nothing of what happened after step `stale`.
    fn carry_out(&mut self, asked: &Asked, stale: Option<u64>) -> Result<Answer> {
        let step = self.step;
        match asked {
            Asked::Put(_, data, ..) if data.len() > MAX_OBJECT_BYTES => {
                Err(asked.fails(ErrorKind::TooLarge, "too large"))
            }
            Asked::Put(..) if step < self.full_until => {
                Err(asked.fails(ErrorKind::NoSpace, "the store is full"))
            }
            Asked::Put(key, _, PutMode::Overwrite, _) | Asked::Delete(key)
                if self.shelf.lock_of(key, self.seconds()).is_some() =>
            {
                let kind = ErrorKind::PermissionDenied;
                Err(asked
                    .fails(kind, "it is locked")
                    .with_cause(Cause::Retained))
            }
            Asked::Put(key, data, mode, retention) => {
                if self.shelf.put(key, data.clone(), (*mode, *retention), step) {
                    Ok(Answer::Done)
                } else {
                    Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key))
                }
            }
            Asked::Get(key, range) => {
                let data = self.find(key, stale).ok_or_else(|| asked.missing())?;
                let range = range.clone().unwrap_or(0..data.len() as u64);
                slice(data, &range)
                    .map(Answer::Bytes)
                    .ok_or_else(|| Error::new(ErrorKind::InvalidRange, "get").with_key(key))
            }
            Asked::Head(key) => {
                let data = self.find(key, stale).ok_or_else(|| asked.missing())?;
                Ok(Answer::Meta(ObjectMeta::new(
                    key.clone(),
                    data.len() as u64,
                )))
            }
            Asked::Delete(key) => {
                self.shelf.delete(key, step);
                Ok(Answer::Done)
            }
            Asked::Lock(key) | Asked::Extend(key, _) if self.shelf.get(key).is_none() => {
                Err(asked.missing())
            }
            Asked::Lock(key) => Ok(Answer::Lock(self.shelf.lock_of(key, self.seconds()))),
            Asked::Extend(key, to) => match self.shelf.lock_of(key, self.seconds()) {
                Some(current) if current.covers(to) => Ok(Answer::Done),
                Some(current) if !to.covers(&current) => {
                    Err(asked.fails(ErrorKind::Invalid, "it would be shortened"))
                }
                _ => {
                    self.shelf.lock(key, *to);
                    Ok(Answer::Done)
                }
            },
            Asked::List(prefix) => {
                let Some(since) = stale else {
                    return Ok(Answer::List(self.shelf.list(prefix), None));
                };
                let mut listed = self.shelf.list_stale(prefix, since);
                let breaks = self.dice.one_in(3);
                if breaks {
                    let len = self.dice.index(listed.len());
                    listed.truncate(len);
                }
                let end = breaks.then(|| asked.fails(ErrorKind::Unavailable, "it broke off"));
                Ok(Answer::List(listed, end))
            }
        }
    }

    fn find(&self, key: &Key, stale: Option<u64>) -> Option<&Bytes> {
        match stale {
            Some(since) => self.shelf.get_stale(key, since),
            None => self.shelf.get(key),
        }
    }

    fn record_call(
        &mut self,
        client: usize,
        asked: &Asked,
        fault: Option<Fault>,
        answer: &Result<Answer>,
    ) {
        let (verb, what) = asked.words();
        let sent = match asked {
            Asked::Put(_, data, ..) => data.len(),
            _ => 0,
        };
        let (amount, outcome) = match answer {
            Ok(Answer::Bytes(bytes)) => (bytes.len(), "ok"),
            Ok(Answer::List(listed, None)) => (listed.len(), "ok"),
            Ok(Answer::List(listed, Some(_))) => (listed.len(), "broke off"),
            Ok(Answer::Done | Answer::Meta(_) | Answer::Lock(_)) => (sent, "ok"),
            Err(error) => (sent, word(error.kind())),
        };
        let event = Event {
            client: Some(client),
            amount,
            fault,
            outcome,
            ..Event::new(verb)
        };
        self.record(event, what);
    }
}

impl Asked {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Put(key, ..) => ("put", key.as_str()),
            Self::Get(key, _) => ("get", key.as_str()),
            Self::Head(key) => ("head", key.as_str()),
            Self::Delete(key) => ("delete", key.as_str()),
            Self::List(prefix) => ("list", prefix.as_str()),
            Self::Lock(key) => ("retention", key.as_str()),
            Self::Extend(key, _) => ("extend", key.as_str()),
        }
    }

    fn fails(&self, kind: ErrorKind, why: &'static str) -> Error {
        let error = Error::new(kind, self.words().0).with_source(why);
        match self {
            Self::Put(key, ..)
            | Self::Get(key, _)
            | Self::Head(key)
            | Self::Delete(key)
            | Self::Lock(key)
            | Self::Extend(key, _) => error.with_key(key),
            Self::List(_) => error,
        }
    }

    fn missing(&self) -> Error {
        self.fails(ErrorKind::NotFound, "not there")
    }
}

fn slice(data: &Bytes, range: &Range<u64>) -> Option<Bytes> {
    let start = usize::try_from(range.start).ok()?;
    let end = usize::try_from(range.end).ok()?;
    (start <= end && end <= data.len()).then(|| data.slice(start..end))
}

fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not found",
        ErrorKind::AlreadyExists => "already exists",
        ErrorKind::InvalidRange => "invalid range",
        ErrorKind::PermissionDenied => "denied",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::NoSpace => "full",
        ErrorKind::Unsupported => "unsupported",
        _ => "failed",
    }
}

const DEAD: &str = "the client is dead";
