//! In which order resources are restored.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::Key;
use crate::policy::Policy;
use crate::resource::Resource;

impl Policy {
    /// Returns the order in which resources are restored: what others need first, and of those that
    /// wait for nothing the more critical, then those with the shorter RTO.
    ///
    /// Each inner list is a stage: its members can be restored at the same time.
    ///
    /// # Errors
    ///
    /// The ids of resources that need each other, so that none can be the first.
    pub fn restore_order(&self) -> Result<Vec<Vec<&str>>, Vec<&str>> {
        let mut waiting: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, resource) in &self.resources {
            let needed = resource.depends_on.iter().map(String::as_str);
            let known = needed.filter(|needed| self.resources.contains_key(*needed));
            waiting.insert(id, known.collect());
        }
        let mut stages = Vec::new();
        while !waiting.is_empty() {
            let ready = waiting.iter().filter(|(_, needed)| needed.is_empty());
            let mut stage: Vec<&str> = ready.map(|(id, _)| *id).collect();
            if stage.is_empty() {
                return Err(waiting.into_keys().collect());
            }
            waiting.retain(|id, _| !stage.contains(id));
            for needed in waiting.values_mut() {
                needed.retain(|id| !stage.contains(id));
            }
            stage.sort_by_cached_key(|id| self.resources.get(*id).map(|one| self.urgency(one)));
            stages.push(stage);
        }
        Ok(stages)
    }

    fn urgency(&self, resource: &Resource) -> (std::cmp::Reverse<crate::Criticality>, u64) {
        let rto = self.resolve(resource).period(Key::Rto);
        let rto = rto.map_or(u64::MAX, crate::Period::mean_seconds);
        (std::cmp::Reverse(resource.criticality), rto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Criticality;

    #[test]
    fn what_others_need_is_first() {
        let mut app = Resource::new("app", "files");
        app.depends_on.insert("db".into());
        app.criticality = Criticality::Critical;
        let mut dns = Resource::new("dns", "files");
        dns.criticality = Criticality::Critical;
        let policy = Policy::new("test")
            .with_resource(app)
            .with_resource(dns)
            .with_resource(Resource::new("db", "postgresql"));
        assert_eq!(
            policy.restore_order(),
            Ok(vec![vec!["dns", "db"], vec!["app"]])
        );
        let mut db = Resource::new("db", "postgresql");
        db.depends_on.insert("app".into());
        assert_eq!(
            policy.with_resource(db).restore_order(),
            Err(vec!["app", "db"])
        );
    }
}
