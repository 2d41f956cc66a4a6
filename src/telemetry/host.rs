//! The name of the machine, or of the Pod.

/// What the kernel calls this machine: in a Pod, the Pod's name. `localhost` where it does not say, as CoreDNS has it.
/// Read from `/proc`, since the call of the C library would be unsafe code for one line of text.
#[must_use]
pub fn host_name() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = text.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
