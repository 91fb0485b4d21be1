//! A process's memory and CPU time, from the kernel. Linux only.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What is resident now, the pages of the program's own file included.
    pub(crate) resident: f64,
    /// The part that belongs to this process alone: heap and stacks.
    pub(crate) anonymous: f64,
    /// The most that ever was resident.
    pub(crate) peak: f64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("this needs Linux")?;
    let field = |name| bytes(&status, name).with_context(|| format!("the kernel tells no {name}"));
    Ok(Memory { resident: field("VmRSS:")?, anonymous: field("RssAnon:")?, peak: field("VmHWM:")? })
}

/// The CPU time of a process's current threads.
pub(crate) fn on_cpu(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("this needs Linux")? {
        let path = thread?.path().join("schedstat");
        let times = match fs::read_to_string(&path) {
            Ok(times) => times,
            // It ended while it was read.
            Err(_) if !path.exists() => continue,
            Err(error) => return Err(error.into()),
        };
        let first = times.split_whitespace().next().unwrap_or_default();
        nanoseconds += first.parse::<u64>().context("no schedstat")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// This machine: its processor and its kernel.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim().to_owned();
    format!("{cores} cores ({model}), Linux {kernel}")
}

/// The load of the last minute.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// A field of `/proc/PID/status`, which counts in kB of 1024 bytes.
fn bytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "VmHWM:\t   2048 kB\nVmRSS:\t   1 kB\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(1024.0));
        assert_eq!(bytes(status, "VmHWM:"), Some(2048.0 * 1024.0));
        assert_eq!(bytes(status, "RssAnon:"), None);
    }
}
