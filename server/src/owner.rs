//! Root becomes the owner of the data directory before it does anything there: else what it leaves (a database's journal, an
//! archive, a log) could not be written, or not even read, by the user that the server runs as.
//!
//! Linux keeps these rights for each thread (setuid(2), "C library/kernel differences"), so they are given up while there is
//! no other thread, and every later one has the same. What was read before, such as the file of settings, was read as root.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use etiqa_model::{ErrorKind, UserError};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

/// Whether this process was root's.
static HAS_GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Whether this was root, who became the owner of the data directory.
pub(crate) fn has_given_up_root() -> bool {
    HAS_GIVEN_UP.load(Ordering::Relaxed)
}

/// Becomes the owner of `folder` where this is root and the owner is not. A folder that is not there yet will be root's. One
/// that `listens` keeps the right to listen on ports below 1024, and no other right of root's.
pub(crate) fn become_owner_of(folder: &Path, listens: bool) -> Result<(), UserError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    // What is wrong with the folder is said by whoever opens it.
    let Ok(metadata) = folder.metadata() else { return Ok(()) };
    if metadata.uid() == 0 {
        return Ok(());
    }
    let owner = Owner::of(metadata.uid(), metadata.gid());
    owner.take_over(listens).map_err(|error| {
        let message = format!(
            "This is root, and cannot become the owner of {} (user {}): {error}. Run it as that user.",
            folder.display(),
            owner.user
        );
        UserError::new(ErrorKind::Forbidden, message)
    })?;
    HAS_GIVEN_UP.store(true, Ordering::Relaxed);
    Ok(())
}

/// A user with the groups that they have when they sign in.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    user: u32,
    group: u32,
    /// Besides `group`.
    groups: Vec<u32>,
}

impl Owner {
    /// A user whom the system's files do not know, as in many a container, has the group of the folder alone.
    fn of(user: u32, group_of_folder: u32) -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        Self::find(user, group_of_folder, &read("/etc/passwd"), &read("/etc/group"))
    }

    /// By the texts of passwd(5) and group(5).
    fn find(user: u32, group_of_folder: u32, users: &str, groups: &str) -> Self {
        let known = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, number, group) = (fields.next()?, fields.nth(1)?, fields.next()?);
            (number.parse() == Ok(user)).then(|| Some((name, group.parse().ok()?))).flatten()
        });
        let Some((name, group)) = known else {
            return Self { user, group: group_of_folder, groups: Vec::new() };
        };
        let is_in = |line: &&str| {
            line.rsplit(':').next().is_some_and(|members| members.split(',').any(|member| member == name))
        };
        let number = |line: &str| line.split(':').nth(2)?.parse().ok();
        let groups = groups.lines().filter(is_in).filter_map(number).filter(|other| *other != group);
        Self { user, group, groups: groups.collect() }
    }

    /// Groups first: without being root nobody may change them.
    fn take_over(&self, listens: bool) -> io::Result<()> {
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups)?;
        set_thread_res_gid(group, group, group)?;
        // Who becomes another user loses all of root's rights with the system call, unless they are kept for a moment.
        set_keep_capabilities(listens)?;
        set_thread_res_uid(user, user, user)?;
        if listens {
            // A container may have none of this to keep.
            let kept = rustix::thread::capabilities(None)?.permitted & CapabilitySet::NET_BIND_SERVICE;
            let sets =
                CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
            set_capabilities(None, sets)?;
            set_keep_capabilities(false)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn an_owner_has_the_groups_that_the_system_gives_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\netiqa:x:998:997::/var/lib/etiqa:/usr/sbin/nologin\n";
        let groups =
            "root:x:0:\nbackup:x:34:ada,etiqa\netiqa:x:997:etiqa\nnas:x:1005:etiqa\nother:x:1006:etiqa2\n";
        let owner = Owner::find(998, 5, users, groups);
        assert_eq!(owner, Owner { user: 998, group: 997, groups: vec![34, 1005] });
        let stranger = Owner::find(4_000, 5, users, groups);
        assert_eq!(stranger, Owner { user: 4_000, group: 5, groups: Vec::new() });
    }
}
