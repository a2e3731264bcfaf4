// SPDX-License-Identifier: MIT
use crate::{median, ns_since, one_thread, two_workers, work_for};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, Notify};

const PAUSE: Duration = Duration::from_micros(300);

async fn answers(here: Arc<Notify>, there: Arc<Notify>) {
    loop {
        here.notified().await;
        there.notify_one();
    }
}

async fn asks(count: u64, here: Arc<Notify>, there: Arc<Notify>) -> u64 {
    let mut start = Instant::now();
    for i in 0..count + count / 10 {
        if i == count / 10 {
            start = Instant::now();
        }
        there.notify_one();
        here.notified().await;
    }
    ns_since(start) / count
}

/// Nanoseconds of a round trip between two tasks, which the scheduler puts where it likes.
pub fn round_trip(count: u64) -> u64 {
    let (one, other) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    two_workers().block_on(async {
        tokio::spawn(answers(one.clone(), other.clone()));
        tokio::spawn(asks(count, other, one)).await.unwrap()
    })
}

/// The same, but that each has a thread and a runtime of its own.
pub fn round_trip_apart(count: u64) -> u64 {
    let (one, other) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (here, there) = (one.clone(), other.clone());
    std::thread::spawn(move || one_thread().block_on(answers(here, there)));
    one_thread().block_on(asks(count, other, one))
}

struct Ball {
    sent: Instant,
    travelled: u64,
}

/// Each side works before it answers, so that the other sleeps by then. The time on the way is what
/// counts.
pub fn round_trip_asleep(count: u64) -> u64 {
    let (to_other, mut from_one) = mpsc::channel::<Ball>(1);
    let (to_one, mut from_other) = mpsc::channel::<Ball>(1);
    std::thread::spawn(move || {
        one_thread().block_on(async move {
            while let Some(ball) = from_one.recv().await {
                let travelled = ns_since(ball.sent);
                work_for(PAUSE);
                if to_one.send(Ball { sent: Instant::now(), travelled }).await.is_err() {
                    return;
                }
            }
        })
    });
    one_thread().block_on(async move {
        let mut trips = Vec::new();
        for _ in 0..count {
            work_for(PAUSE);
            assert!(to_other.send(Ball { sent: Instant::now(), travelled: 0 }).await.is_ok());
            let ball = from_other.recv().await.unwrap();
            trips.push(ball.travelled + ns_since(ball.sent));
        }
        median(trips)
    })
}

fn clock_cost() -> u64 {
    median((0..1000).map(|_| ns_since(Instant::now())).collect())
}

/// Nanoseconds that waking a task costs a plain thread. Busy: another task never stops running.
pub fn wake(busy: bool) -> u64 {
    const WARM_UP: u64 = 100;
    let (count, pause) = if busy { (4_000, Duration::from_micros(1)) } else { (1_000, PAUSE) };
    let runtime = two_workers();
    let bell = Arc::new(Notify::new());
    let answered = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let (own_bell, own_answered, own_stop) = (bell.clone(), answered.clone(), stop.clone());
    runtime.spawn(async move {
        loop {
            own_bell.notified().await;
            own_answered.fetch_add(1, Ordering::Release);
        }
    });
    if busy {
        runtime.spawn(async move {
            while !own_stop.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
        });
    }
    let mut all = Vec::new();
    for i in 0..count + WARM_UP {
        while answered.load(Ordering::Acquire) < i {
            std::hint::spin_loop();
        }
        work_for(pause);
        let before = Instant::now();
        bell.notify_one();
        let took = ns_since(before);
        if i >= WARM_UP {
            all.push(took);
        }
    }
    stop.store(true, Ordering::Relaxed);
    median(all).saturating_sub(clock_cost())
}

/// Nanoseconds to make a runtime, run something on it and end it; with one worker on the calling
/// thread, as the library does.
pub fn life(workers: u64) -> u64 {
    let mut all = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        let runtime = if workers == 1 { one_thread() } else { two_workers() };
        runtime.block_on(async {});
        drop(runtime);
        all.push(ns_since(start));
    }
    median(all)
}

/// 1 000 tasks that sleep and 1 000 that wait for a client's words: for who counts the wake-ups of
/// this process.
pub fn idle(seconds: u64) {
    let runtime = two_workers();
    let clients = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..1000 {
            tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
            clients.push(TcpStream::connect(address).await.unwrap());
            let (mut server, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = server.read(&mut [0; 64]).await;
            });
        }
        clients
    });
    println!("ready");
    std::thread::sleep(Duration::from_secs(seconds));
    drop(clients);
}
