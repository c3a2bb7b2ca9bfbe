//! Counts system calls in tests, by the thread that makes them.

/// Takes note of a call. Whoever makes one for each file or directory says so here.
#[inline]
pub(crate) fn note(call: &'static str) {
    #[cfg(test)]
    counted::add(call);
    #[cfg(not(test))]
    let _: &str = call;
}

#[cfg(test)]
pub(crate) use counted::take;

#[cfg(test)]
mod counted {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        static CALLS: RefCell<BTreeMap<&'static str, u64>> = RefCell::default();
    }

    pub(super) fn add(call: &'static str) {
        CALLS.with_borrow_mut(|calls| *calls.entry(call).or_default() += 1);
    }

    /// Returns the calls of this thread since it was asked last.
    pub(crate) fn take() -> BTreeMap<&'static str, u64> {
        CALLS.take()
    }
}
