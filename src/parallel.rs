//! Work on several things at once, for a few things of some size each.

use std::thread::{self, ScopedJoinHandle};

/// Does `work` on each item in a thread of its own; the results come in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().map(joined).collect()
    })
}

/// Does both at once.
pub fn both<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let thread = scope.spawn(one);
        let other = other();
        (joined(thread), other)
    })
}

/// A panic of a thread is a panic of ours.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        // The first can't end before the last has begun.
        let (send, receive) = std::sync::mpsc::channel();
        let receive = std::sync::Mutex::new(receive);
        let work = |n: &u32| {
            match n {
                0 => receive.lock().unwrap().recv().unwrap(),
                3 => send.send(()).unwrap(),
                _ => {}
            }
            n * 2
        };
        assert_eq!(map(&[0, 1, 2, 3], work), [0, 2, 4, 6]);
        assert_eq!(both(|| 1, || "a"), (1, "a"));
    }
}
