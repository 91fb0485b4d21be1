//! Keeps what is in the program's memory from other programs.

/// On Linux: nobody but root can read this process's memory or environment or attach a debugger, and it leaves no core dump. Does
/// nothing where the system refuses.
pub fn protect_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
