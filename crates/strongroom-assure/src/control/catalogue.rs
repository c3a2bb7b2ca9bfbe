//! C-01 to C-32.

use super::case::Case;
use super::parameter::Parameters;
use super::verdict::Judgement;
use super::{
    Control, ControlSpec, access, anomaly, capacity, copies, coverage, deletion, disposal,
    encryption, governance, isolation, journal, keys, monitoring, people, recovery, residency,
    retention, verification,
};

/// A control that is a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standard {
    pub(super) spec: ControlSpec,
    pub(super) judge: fn(&Case<'_>, &Parameters) -> Vec<Judgement>,
}

impl Control for Standard {
    fn spec(&self) -> &ControlSpec {
        &self.spec
    }

    fn judge(&self, case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
        (self.judge)(case, given)
    }
}

/// C-01 to C-32, in order.
pub(super) static ALL: [Standard; 32] = [
    coverage::C_01,
    recovery::C_02,
    retention::C_03,
    retention::C_04,
    encryption::C_05,
    encryption::C_06,
    keys::C_07,
    verification::C_08,
    recovery::C_09,
    copies::C_10,
    copies::C_11,
    deletion::C_12,
    access::C_13,
    access::C_14,
    journal::C_15,
    journal::C_16,
    monitoring::C_17,
    people::C_18,
    capacity::C_19,
    capacity::C_20,
    people::C_21,
    disposal::C_22,
    retention::C_23,
    residency::C_24,
    disposal::C_25,
    governance::C_26,
    governance::C_27,
    isolation::C_28,
    recovery::C_29,
    people::C_30,
    anomaly::C_31,
    access::C_32,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_says_what_it_is_and_what_it_does_not_prove() {
        for (nth, one) in ALL.iter().enumerate() {
            assert_eq!(one.spec.id, format!("C-{:02}", nth + 1));
            for text in [
                one.spec.title,
                one.spec.business,
                one.spec.next_step,
                one.spec.does_not_prove,
            ] {
                assert!(text.len() > 10, "{}: {text:?}", one.spec.id);
                assert!(!text.to_lowercase().contains("compliant"));
            }
        }
    }
}
