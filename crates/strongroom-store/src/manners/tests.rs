use std::sync::Mutex;

use futures::executor::block_on;
use futures::future::poll_immediate;

use super::*;
use crate::wrap::{ManualTime, Monotonic as _, Rate};

const SECOND: Duration = Duration::from_secs(1);

/// Says one thing after another, and at last that there is room.
fn saying(advice: &[Advice]) -> Arc<dyn LoadGuard> {
    let left: Vec<Advice> = advice.iter().rev().copied().collect();
    let left = Mutex::new(left);
    Arc::new(move || left.lock().unwrap().pop().unwrap_or_default())
}

fn guarded(advice: &[Advice]) -> (Manners, ManualTime) {
    let time = ManualTime::new();
    let manners = Manners::new().with_sleep(Arc::new(time.clone()));
    (manners.with_guard(saying(advice)), time)
}

#[test]
fn without_anybody_to_ask_work_goes_on() {
    let manners = Manners::new();
    assert!(manners.before_batch().is_none());
    assert!(manners.before_step().is_none());
    assert!(manners.read(7).is_none());
    assert!(manners.write(9).is_none());
    let counts = manners.counts();
    assert_eq!((counts.batches, counts.steps), (1, 1));
    assert_eq!((counts.read_bytes, counts.written_bytes), (7, 9));
    assert_eq!((counts.paused, counts.eased, counts.held), (0, 0, 0));
}

#[test]
fn a_batch_is_eased_once_and_a_request_is_not() {
    let (manners, time) = guarded(&[Advice::Ease(SECOND); 3]);
    assert!(manners.before_step().is_none());
    time.run(manners.before_batch().expect("it is eased"));
    assert_eq!(time.now(), SECOND);
    let counts = manners.counts();
    assert_eq!((counts.eased, counts.held, counts.guarded), (1, 0, SECOND));
}

#[test]
fn what_is_held_asks_again_until_there_is_room() {
    let (manners, time) = guarded(&[Advice::Hold(SECOND), Advice::Hold(Duration::ZERO)]);
    time.run(manners.before_step().expect("it is held"));
    assert_eq!(time.now(), SECOND + SHORTEST);
    assert_eq!(manners.counts().held, 2);
    assert!(manners.before_step().is_none());
}

#[test]
fn a_pause_goes_before_the_guard_and_after_it() {
    let (manners, time) = guarded(&[Advice::Ease(SECOND)]);
    manners.pause().pause();
    let mut wait = manners.before_batch().expect("it is paused");
    block_on(async {
        assert!(poll_immediate(&mut wait).await.is_none());
        assert_eq!(time.sleepers(), 0, "the guard is not asked in a pause");
        manners.pause().resume();
        assert!(poll_immediate(&mut wait).await.is_none());
        assert_eq!(time.sleepers(), 1);
        manners.pause().pause();
        time.advance(SECOND);
        assert!(poll_immediate(&mut wait).await.is_none());
        manners.pause().resume();
        assert!(poll_immediate(&mut wait).await.is_some());
    });
    assert_eq!(manners.counts().paused, 2);
}

#[test]
fn a_wait_that_is_dropped_leaves_no_trace() {
    let (manners, time) = guarded(&[Advice::Hold(SECOND)]);
    let mut held = manners.before_batch().expect("it is held");
    assert!(block_on(poll_immediate(&mut held)).is_none());
    manners.pause().pause();
    let mut paused = manners.before_batch().expect("it is paused");
    assert!(block_on(poll_immediate(&mut paused)).is_none());
    assert_eq!((time.sleepers(), manners.pause().waiting()), (1, 1));
    drop((held, paused));
    assert_eq!((time.sleepers(), manners.pause().waiting()), (0, 0));
}

#[test]
fn what_is_read_and_written_keeps_to_the_limits() {
    let time = ManualTime::new();
    let rate = |bytes| Some(Rate::new(bytes).with_burst(bytes));
    let clock = Arc::new(time.clone());
    let limits = BandwidthLimits::with_time(rate(10), rate(100), clock.clone(), clock);
    let manners = Manners::new().with_disk(limits.clone());
    let each = |wait: Option<Wait>| time.run(wait.expect("it is limited"));
    (0..5).for_each(|_| each(manners.read(100)));
    assert_eq!(time.now(), 4 * SECOND);
    (0..3).for_each(|_| each(manners.write(10)));
    assert_eq!(time.now(), 6 * SECOND);
    limits.set_up(None);
    assert!(manners.write(1 << 40).is_none());
}

#[test]
fn the_setup_runs_on_the_thread_that_asks_for_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&seen);
    let note = move || {
        let name = std::thread::current().name().map(str::to_owned);
        names.lock().unwrap().extend(name);
    };
    let manners = Manners::new().with_thread_setup(Arc::new(note));
    let setting_up = std::thread::Builder::new()
        .name("worker".to_owned())
        .spawn(move || manners.set_up_thread());
    setting_up.unwrap().join().unwrap();
    assert_eq!(*seen.lock().unwrap(), ["worker"]);
}
