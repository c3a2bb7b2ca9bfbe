//! What requests and bytes cost.

use std::fmt;

use super::counts::{Counts, RequestKind};
use crate::options::StorageClass;

/// A price table, in some currency: what a user reads off the page of the service, for one region and one kind of contract. Nothing
/// here knows what a service really bills.
///
/// [`Prices::example`] is a table to try with:
///
/// | | hot | cold |
/// |---|---|---|
/// | 1,000 puts, list pages or lock requests | 0.005 | 0.03 |
/// | 1,000 gets, range gets or heads | 0.0004 | 0.0004 |
/// | a GB read | – | 0.01 |
/// | a GB kept for a month | 0.023 | 0.0036 |
/// | a GB sent out to the internet | 0.09 | 0.09 |
///
/// Its numbers are US dollars in the manner of what Amazon published for S3 in us-east-1 in 2025 (standard; Glacier Flexible Retrieval
/// at its standard speed), without free allowances and steps, and without the least sizes and ages that cold objects are billed for. **An example, not a quotation.** Deletes are free there, and so is what
/// is sent in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prices {
    /// What the numbers are of, as shown: `USD`.
    pub currency: String,
    /// Prices of objects at hand, and of all requests that are for no class.
    pub hot: ClassPrices,
    /// Prices of objects in cold storage.
    pub cold: ClassPrices,
    /// Of 1,000 deletes.
    pub deletes: f64,
    /// Of 1,000 pages of lists.
    pub list_pages: f64,
    /// Of 1,000 requests that ask for or extend a lock.
    pub locks: f64,
    /// Of a GB (10⁹ bytes) that leaves the service.
    pub gigabyte_out: f64,
    /// Of a GB that is sent to it.
    pub gigabyte_in: f64,
}

/// Prices that depend on the class of storage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ClassPrices {
    /// Of 1,000 puts.
    pub puts: f64,
    /// Of 1,000 gets, of whole objects or parts, and of heads.
    pub gets: f64,
    /// Of reading a GB, beside that it leaves the service.
    pub gigabyte_read: f64,
    /// Of keeping a GB for a month.
    pub gigabyte_month: f64,
}

/// What was counted would cost, by a [price table](Prices).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CostEstimate {
    /// What the numbers are of.
    pub currency: String,
    /// All requests, once.
    pub requests: f64,
    /// Bytes that were read or moved, once.
    pub traffic: f64,
    /// Every month, to keep what was put. What was deleted or replaced is not taken off.
    pub storage_per_month: f64,
}

impl Prices {
    /// Returns a table in which everything is free.
    #[must_use]
    pub fn free(currency: &str) -> Self {
        Self {
            currency: currency.to_owned(),
            hot: ClassPrices::default(),
            cold: ClassPrices::default(),
            deletes: 0.0,
            list_pages: 0.0,
            locks: 0.0,
            gigabyte_out: 0.0,
            gigabyte_in: 0.0,
        }
    }

    /// Returns the example of the [type's description](Self).
    #[must_use]
    pub fn example() -> Self {
        let hot = ClassPrices::default()
            .with_requests(0.005, 0.0004)
            .with_gigabytes(0.0, 0.023);
        let cold = ClassPrices::default()
            .with_requests(0.03, 0.0004)
            .with_gigabytes(0.01, 0.0036);
        Self::free("USD")
            .with_classes(hot, cold)
            .with_lists_and_locks(0.005, 0.005)
            .with_traffic(0.09, 0.0)
    }

    /// Sets what depends on the class, in this order: hot, cold.
    #[must_use]
    pub fn with_classes(mut self, hot: ClassPrices, cold: ClassPrices) -> Self {
        self.hot = hot;
        self.cold = cold;
        self
    }

    /// Sets the price of 1,000 deletes.
    #[must_use]
    pub fn with_deletes(mut self, thousand: f64) -> Self {
        self.deletes = thousand;
        self
    }

    /// Sets the prices of 1,000 pages of lists, and of 1,000 requests concerning locks.
    #[must_use]
    pub fn with_lists_and_locks(mut self, list_pages: f64, locks: f64) -> Self {
        self.list_pages = list_pages;
        self.locks = locks;
        self
    }

    /// Sets the prices of a GB that leaves the service, and of one that is sent to it.
    #[must_use]
    pub fn with_traffic(mut self, gigabyte_out: f64, gigabyte_in: f64) -> Self {
        self.gigabyte_out = gigabyte_out;
        self.gigabyte_in = gigabyte_in;
        self
    }

    /// Returns what this would cost. Requests count whatever became of them.
    #[must_use]
    pub fn estimate(&self, counts: &Counts) -> CostEstimate {
        let thousands = |kind| in_thousands(counts.of(kind).requests);
        let mut requests = thousands(RequestKind::Delete) * self.deletes
            + thousands(RequestKind::List) * self.list_pages
            + thousands(RequestKind::Retention) * self.locks
            + thousands(RequestKind::Extend) * self.locks;
        let mut traffic = in_gigabytes(counts.bytes_up()) * self.gigabyte_in
            + in_gigabytes(counts.bytes_down()) * self.gigabyte_out;
        let mut storage_per_month = 0.0;
        let classes = [
            (StorageClass::Hot, &self.hot),
            (StorageClass::Cold, &self.cold),
        ];
        for (class, prices) in classes {
            let of = |kind| counts.of_class(kind, class);
            let (put, get) = (of(RequestKind::Put), of(RequestKind::Get));
            let (part, head) = (of(RequestKind::RangeGet), of(RequestKind::Head));
            let reads = get.requests + part.requests + head.requests;
            requests +=
                in_thousands(put.requests) * prices.puts + in_thousands(reads) * prices.gets;
            traffic += in_gigabytes(get.bytes + part.bytes) * prices.gigabyte_read;
            storage_per_month += in_gigabytes(put.bytes) * prices.gigabyte_month;
        }
        CostEstimate {
            currency: self.currency.clone(),
            requests,
            traffic,
            storage_per_month,
        }
    }
}

impl ClassPrices {
    /// Sets the prices of 1,000 puts, and of 1,000 gets or heads.
    #[must_use]
    pub fn with_requests(mut self, puts: f64, gets: f64) -> Self {
        self.puts = puts;
        self.gets = gets;
        self
    }

    /// Sets the prices of reading a GB, and of keeping it for a month.
    #[must_use]
    pub fn with_gigabytes(mut self, read: f64, month: f64) -> Self {
        self.gigabyte_read = read;
        self.gigabyte_month = month;
        self
    }
}

impl CostEstimate {
    /// Returns what is to be paid once.
    #[must_use]
    pub fn once(&self) -> f64 {
        self.requests + self.traffic
    }
}

impl fmt::Display for CostEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "about {:.4} {} (requests {:.4}, traffic {:.4}), and {:.4} a month to keep what was put",
            self.once(),
            self.currency,
            self.requests,
            self.traffic,
            self.storage_per_month
        )
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate; exact up to 2^53 anyway"
)]
fn in_thousands(requests: u64) -> f64 {
    requests as f64 / 1e3
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate; exact up to 2^53 anyway"
)]
fn in_gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_costs_what_its_table_says() {
        let mut counts = Counts::default();
        let puts = counts.tally(RequestKind::Put, StorageClass::Cold);
        (puts.requests, puts.bytes) = (1_000, 32_000_000_000);
        let gets = counts.tally(RequestKind::RangeGet, StorageClass::Hot);
        (gets.requests, gets.bytes) = (10_000, 2_000_000_000);
        counts.tally(RequestKind::List, StorageClass::Hot).requests = 2_000;
        let cost = Prices::example().estimate(&counts);
        assert_eq!(
            cost.to_string(),
            "about 0.2240 USD (requests 0.0440, traffic 0.1800), and 0.1152 a month to keep what was put"
        );
    }
}
