//! Waits by timers end, are many, and fall back on threads.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{join_all, poll_immediate};
use strongroom_store::MemoryStore;
use strongroom_store::wrap::Sleep;
use strongroom_tokio::{Hosted, TokioSleep};
use tokio::runtime::Builder;

const SHORT: Duration = Duration::from_millis(2);

#[test]
fn thousands_wait_at_once() {
    let sleep = Hosted::new(MemoryStore::new()).expect("a runtime").sleep();
    let started = Instant::now();
    block_on(join_all((0..5_000).map(|_| sleep.sleep(SHORT))));
    assert!(started.elapsed() >= SHORT);
}

#[test]
fn a_wait_outlives_what_it_came_from_and_can_be_left() {
    let sleep = TokioSleep::new().expect("a runtime");
    let (short, long) = (sleep.sleep(SHORT), sleep.sleep(Duration::from_secs(3_600)));
    drop(sleep);
    block_on(short);
    assert!(block_on(poll_immediate(long)).is_none());
}

#[test]
fn without_timers_or_a_runtime_it_still_waits() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    let sleep = TokioSleep::on(runtime.handle().clone());
    let started = Instant::now();
    block_on(sleep.sleep(SHORT));
    runtime.shutdown_background();
    block_on(sleep.sleep(SHORT));
    assert!(started.elapsed() >= 2 * SHORT);
}
