//! From tables to a policy.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{COLLECTIONS, Lines, is_name};
use crate::error::clip;
use crate::level::Criticality;
use crate::part::{Fields, Part, PartSpec, hint, mismatch};
use crate::policy::{FORMAT, Layer, Policy, Rule};
use crate::raw::{Entry, Fault, Node, Raw};

pub(super) struct Reader<'l> {
    lines: &'l Lines<'l>,
    pub(super) faults: Vec<Fault>,
    /// Where each path begins.
    pub(super) offsets: BTreeMap<String, usize>,
}

impl<'l> Reader<'l> {
    pub(super) fn new(lines: &'l Lines<'l>) -> Self {
        Self {
            lines,
            faults: Vec::new(),
            offsets: BTreeMap::new(),
        }
    }

    pub(super) fn policy(&mut self, root: &Raw) -> Policy {
        let Node::Table(entries) = &root.node else {
            return Policy::new("");
        };
        let names = ["approval", "defaults", "rule"].into_iter();
        let names: Vec<&str> = names.chain(COLLECTIONS.iter().map(|one| one.0)).collect();
        let (tables, header): (Vec<_>, Vec<_>) = entries
            .iter()
            .cloned()
            .partition(|entry| names.contains(&entry.name.as_str()));
        let known = header.iter().filter(|entry| {
            let is_field = Policy::SPEC
                .fields
                .iter()
                .any(|field| field.name == entry.name);
            if !is_field {
                let fields = Policy::SPEC.fields.iter().map(|field| field.name);
                let hint = hint(&entry.name, fields.chain(names.iter().copied()));
                let what = format!("a policy has no field or table {:?}", entry.name);
                self.faults
                    .push(Fault::new(&entry.at, what).with_hint(hint));
            }
            is_field
        });
        let known: Vec<Entry> = known.cloned().collect();
        let start = 0..0;
        let mut fields = self.fields("", Policy::SPEC, &known, &start);
        if let Some(format) = fields.count("format").filter(|format| *format != FORMAT) {
            let at = self.offsets.get("format").copied().unwrap_or(0);
            let what = format!("the format {format} is not known");
            let fault = Fault::new(&(at..at), what);
            self.faults
                .push(fault.with_hint("this program reads format 1; a newer one may read it"));
        }
        let mut policy = Policy::build("", fields);
        for entry in &tables {
            self.table(&mut policy, entry);
        }
        policy
    }

    fn table(&mut self, policy: &mut Policy, entry: &Entry) {
        match entry.name.as_str() {
            "approval" => policy.approval = self.one(entry).unwrap_or_default(),
            "defaults" => policy.defaults = self.one(entry).unwrap_or_default(),
            "rule" => self.rules(policy, entry),
            "criticality" => {
                for (name, at, layer) in self.many::<Layer>(entry) {
                    match name.parse::<Criticality>() {
                        Ok(level) => {
                            policy.criticality.insert(level, layer);
                        }
                        Err(error) => self.faults.push(Fault::of(&at, &error)),
                    }
                }
            }
            "class" => policy.classes = named(self.many(entry)),
            "repository" => policy.repositories = named(self.many(entry)),
            "contact" => policy.contacts = named(self.many(entry)),
            "escalation" => policy.escalations = named(self.many(entry)),
            "requirement" => policy.requirements = named(self.many(entry)),
            "exemption" => policy.exemptions = named(self.many(entry)),
            "obligation" => policy.obligations = named(self.many(entry)),
            "resource" => policy.resources = named(self.many(entry)),
            _ => {}
        }
    }

    fn rules(&mut self, policy: &mut Policy, entry: &Entry) {
        let Node::List(items) = &entry.value.node else {
            let fault = mismatch(&entry.value, "a list of rules");
            self.faults.push(fault.with_hint("write [[rule]]"));
            return;
        };
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for item in items {
            let Node::Table(entries) = &item.node else {
                self.faults.push(mismatch(item, "a table"));
                continue;
            };
            let given = entries.iter().find(|entry| entry.name == "name");
            let (name, at) = match given.map(|entry| (&entry.value.node, &entry.value.at)) {
                Some((Node::Text(name), at)) => (name.clone(), at.clone()),
                _ => (String::new(), item.at.clone()),
            };
            self.check_name(&name, &at, given.is_some());
            if let Some(first) = places.insert(name.clone(), at.start) {
                let line = self.lines.position(first).line;
                let what = format!("a rule {name:?} is there already, in line {line}");
                self.faults.push(Fault::new(&at, what));
            }
            let path = format!("rule.{name}");
            self.offsets.insert(path.clone(), item.at.start);
            let fields = self.fields(&path, Rule::SPEC, entries, &item.at);
            policy.rules.push(Rule::build(&name, fields));
        }
    }

    /// Reads a table.
    fn one<T: Part>(&mut self, entry: &Entry) -> Option<T> {
        let path = entry.name.clone();
        self.offsets.insert(path.clone(), entry.at.start);
        let Node::Table(entries) = &entry.value.node else {
            self.faults.push(mismatch(&entry.value, "a table"));
            return None;
        };
        let fields = self.fields(&path, T::SPEC, entries, &entry.at);
        Some(T::build(&entry.name, fields))
    }

    /// Reads a table of named tables.
    fn many<T: Part>(&mut self, entry: &Entry) -> Vec<(String, Range<usize>, T)> {
        let Node::Table(entries) = &entry.value.node else {
            let fault = mismatch(&entry.value, "tables with names");
            let hint = format!("write [{}.NAME]", entry.name);
            self.faults.push(fault.with_hint(hint));
            return Vec::new();
        };
        let mut all = Vec::new();
        for one in entries {
            self.check_name(&one.name, &one.at, true);
            let path = format!("{}.{}", entry.name, one.name);
            self.offsets.insert(path.clone(), one.at.start);
            let Node::Table(fields) = &one.value.node else {
                let fault = mismatch(&one.value, "a table");
                let hint = format!("write [{}.NAME]", entry.name);
                self.faults.push(fault.with_hint(hint));
                continue;
            };
            let fields = self.fields(&path, T::SPEC, fields, &one.at);
            all.push((
                one.name.clone(),
                one.at.clone(),
                T::build(&one.name, fields),
            ));
        }
        all
    }

    fn fields(
        &mut self,
        path: &str,
        spec: &PartSpec,
        entries: &[Entry],
        at: &Range<usize>,
    ) -> Fields {
        let dot = if path.is_empty() { "" } else { "." };
        let offsets = &mut self.offsets;
        let mut put = |name: &str, at: usize| {
            offsets.insert(format!("{path}{dot}{name}"), at);
        };
        Fields::read(spec, entries, at, &mut self.faults, &mut put)
    }

    /// Returns where a path begins, or else the nearest table around it.
    pub(super) fn offset(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            match (self.offsets.get(path), path.rsplit_once('.')) {
                (Some(at), _) => return *at,
                (None, Some((around, _))) => path = around,
                (None, None) => return 0,
            }
        }
    }

    fn check_name(&mut self, name: &str, at: &Range<usize>, is_given: bool) {
        if is_given && !is_name(name) {
            let what = format!("{:?} is no name", clip(name));
            let hint = "1 to 128 letters, digits and any of . _ - : / @";
            self.faults.push(Fault::new(at, what).with_hint(hint));
        }
    }
}

fn named<T>(all: Vec<(String, Range<usize>, T)>) -> BTreeMap<String, T> {
    all.into_iter().map(|(name, _, one)| (name, one)).collect()
}
