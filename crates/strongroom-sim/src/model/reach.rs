//! What must be possible, so that the invariants are not true of an idle world.

use stateright::Property;

use super::state::{Fate, State};
use super::{Config, Protocol, Set};

/// What must be reachable in a world of this size.
pub(super) fn properties(config: &Config) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        sometimes("a snapshot is acknowledged", |_, state| {
            !state.acknowledged.is_empty()
        }),
        sometimes("every writer is acknowledged", |model, state| {
            state.acknowledged.count() >= u32::from(model.config.writers())
        }),
    ];
    if config.pruners > 0 {
        properties.extend([
            sometimes("a pack is deleted", |_, state| {
                !state.objects.deleted_packs.is_empty()
            }),
            sometimes("an entry loses a race", |_, state| {
                state
                    .messages
                    .iter()
                    .any(|message| message.fate == Fate::Beaten)
            }),
        ]);
        if config.forgets > 0 && config.uploads > 1 {
            properties.push(sometimes(
                "what went is stored again and committed",
                stored_again,
            ));
        }
        if config.repack {
            properties.push(sometimes(
                "live blobs move to a new pack",
                |model, state| repacked(state, &model.config),
            ));
        }
        if config.reclaim {
            properties.push(sometimes(
                "a pack is dropped that nothing had added",
                |model, state| {
                    let ledger = state.ledger(&model.config);
                    ledger.dropped_packs.iter().any(|pack| {
                        state
                            .writers
                            .iter()
                            .any(|writer| writer.own.has(pack) && !writer.announced)
                    })
                },
            ));
        }
    }
    properties.extend(optional(config));
    properties
}

fn sometimes(name: &'static str, holds: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::sometimes(name, holds)
}

fn optional(config: &Config) -> Vec<Property<Protocol>> {
    let mut properties = Vec::new();
    if config.pruners > 1 && config.reclaim && config.repack {
        properties.push(sometimes(
            "a pruner drops the other's new pack",
            |model, state| {
                let dropped = state.ledger(&model.config).dropped_packs;
                (0..).zip(&state.pruners).any(|(number, pruner)| {
                    pruner.repacked && dropped.has(model.config.repacked(number, pruner.round))
                })
            },
        ));
    }
    if config.merges > 0 {
        properties.push(sometimes("a merged segment is in force", |model, state| {
            state
                .ledger(&model.config)
                .segments
                .last()
                .is_some_and(|segment| segment >= super::config::FIRST_MERGED)
        }));
    }
    if config.announces && config.sessions > 1 {
        properties.push(sometimes("announced packs are dropped", |model, state| {
            let dropped = state.ledger(&model.config).dropped_packs;
            state
                .writers
                .iter()
                .any(|writer| writer.announced && !writer.own.and(dropped).is_empty())
        }));
        properties.push(sometimes(
            "a session finds what an earlier one announced",
            |model, state| {
                state.writers.iter().any(|writer| {
                    writer.session > 0
                        && writer.work == super::state::Work::Done
                        && writer.uploads == 0
                }) && !model.config.targets.is_empty()
            },
        ));
    }
    if config.ends_sessions {
        properties.push(sometimes(
            "a session is ended while it works",
            |model, state| {
                let ended = state.ledger(&model.config).ended;
                (0..).zip(&state.writers).any(|(number, writer)| {
                    !writer.work.is_over()
                        && ended.has(model.config.session(number, writer.session))
                })
            },
        ));
    }
    if config.damages > 0 {
        properties.push(sometimes(
            "a snapshot loses its only copy",
            |model, state| !state.ledger(&model.config).hurt.is_empty(),
        ));
    }
    if config.holds > 0 {
        properties.push(sometimes("a snapshot is held", |model, state| {
            !state.ledger(&model.config).held.is_empty()
        }));
    }
    if config.epochs {
        properties.push(sometimes("an epoch is retired", |model, state| {
            state.ledger(&model.config).retired
        }));
    }
    properties
}

fn stored_again(model: &Protocol, state: &State) -> bool {
    state
        .writers
        .iter()
        .any(|writer| writer.uploads > 1 && writer.work == super::state::Work::Done)
        && !state.ledger(&model.config).dropped_packs.is_empty()
}

fn repacked(state: &State, config: &Config) -> bool {
    let in_force = state.ledger(config).packs;
    (0..config.pruners).any(|pruner| {
        (0..config.rounds).any(|round| {
            !in_force
                .and(Set::one(config.repacked(pruner, round)))
                .is_empty()
        })
    })
}
