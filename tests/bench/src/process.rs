//! The resources of a process, from Linux (proc(5)).

use std::fs;
use std::io;
use std::ops::Sub;
use std::time::Duration;

/// The kernel's clock ticks per second in `/proc/<pid>/stat`: always 100 for user space.
const TICKS: u64 = 100;

/// CPU time in ticks (of all threads, ended ones included) and in nanoseconds (of live threads),
/// and peak memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) cpu: Duration,
    pub(crate) fine: Duration,
    pub(crate) peak_kib: u64,
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            fine: self.fine.saturating_sub(before.fine),
            peak_kib: self.peak_kib,
        }
    }
}

/// The resources that a process has used so far.
pub(crate) fn spent(pid: u32) -> io::Result<Spent> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command in brackets, and may contain spaces.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or_default()
    };
    // utime and stime are fields 14 and 15.
    let cpu = Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS);
    let mut fine = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let running = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        let nanos = running
            .split_whitespace()
            .next()
            .and_then(|field| field.parse().ok());
        fine += Duration::from_nanos(nanos.unwrap_or_default());
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak_kib = peak.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(Spent {
        cpu,
        fine,
        peak_kib: peak_kib.unwrap_or_default(),
    })
}
