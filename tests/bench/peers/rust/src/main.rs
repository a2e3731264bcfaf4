// SPDX-License-Identifier: MIT
//! What the section `workers` of the benchmarks compares the library with, on Tokio: the same cases
//! and the same servers. A case prints one number, a server the line that says it is ready.

mod cases;
mod servers;

use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

pub fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

pub fn ns_since(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

pub fn work_for(span: Duration) {
    let start = Instant::now();
    while start.elapsed() < span {}
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let name = arguments.get(1).map_or("", |text| text.as_str());
    let number = arguments.get(2).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    match name {
        "round-trip" => println!("{}", cases::round_trip(100_000)),
        "round-trip-apart" => println!("{}", cases::round_trip_apart(4_000)),
        "round-trip-asleep" => println!("{}", cases::round_trip_asleep(400)),
        "wake-busy" => println!("{}", cases::wake(true)),
        "wake-asleep" => println!("{}", cases::wake(false)),
        "life" => println!("{}", cases::life(number)),
        "idle" => cases::idle(number),
        "echo" => servers::serve_echo(),
        "http" => servers::serve_http(),
        _ => {
            eprintln!("tokio: no such case: {name}");
            std::process::exit(2);
        }
    }
}
