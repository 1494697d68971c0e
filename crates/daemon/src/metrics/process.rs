//! What this process costs, from /proc; nothing where there is none.

use std::fs;

/// The figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Costs {
    /// Seconds of processor time.
    pub cpu_s: Option<f64>,
    /// Bytes in memory.
    pub resident: Option<u64>,
    /// Open file descriptors.
    pub descriptors: Option<u64>,
}

/// As they are now.
pub fn costs() -> Costs {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    Costs {
        cpu_s: cpu(&stat),
        resident: resident(&status),
        descriptors: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
    }
}

/// proc(5): fields 14 and 15, in ticks. The name in brackets before them may hold blanks and brackets.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // USER_HZ is 100 on every Linux that there is
    Some((user + system) as f64 / 100.0)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 99 1 2 3";
        assert_eq!(cpu(stat), Some(2.0));
        assert_eq!(cpu(""), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12 kB\n"), Some(12 << 10));
        let costs = costs();
        if cfg!(target_os = "linux") {
            assert!(costs.resident.is_some_and(|bytes| bytes > 1 << 20), "{costs:?}");
            assert!(costs.descriptors.is_some_and(|count| count >= 3), "{costs:?}");
        }
    }
}
