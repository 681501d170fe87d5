//! Which devices somebody with a scope may add, and how they may change theirs.
//!
//! Where a device is, a login is sent: whoever may say so of a device may have the logins of its site sent to a machine of their
//! own. So only who has the whole site in their scope says where a device of it is reached and what it is logged in to with;
//! who has it by a tag says the rest. And whoever says so names a login of that site: those of no site open devices everywhere,
//! and without a login of its own a device is tried with all of them.

use etiqa_model::device::{DeviceInput, NewDevice};
use etiqa_model::user::Reach;
use etiqa_model::{DeviceId, FieldError, UserError};

use super::{fetch, save_as};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::credential::credential_fetch_by_name;
use crate::store::jump_host::jump_host_fetch_by_name;

/// Adds (`id` none) or changes a device for somebody of this reach, whose device it is already. It stays in their scope. With
/// `enabled` it is enabled or disabled at once; without, a new one is enabled, and another one stays as it is.
pub async fn save_within(
    engine: &Engine,
    reach: &Reach,
    id: Option<DeviceId>,
    input: &DeviceInput,
    enabled: Option<bool>,
) -> Result<DeviceId> {
    if !reach.is_whole() {
        let before = match id {
            Some(id) => Some(fetch(engine, id).await?.to_input().parse()?),
            None => None,
        };
        let new = input.parse()?;
        check(reach, before.as_ref(), &new)?;
        check_logins(engine, reach, before.as_ref(), &new).await?;
    }
    save_as(engine, id, input, enabled).await
}

/// Refuses a device that is not in the scope, or that would be reached otherwise than somebody of this reach may say.
pub(crate) fn check(reach: &Reach, before: Option<&NewDevice>, new: &NewDevice) -> Result<(), UserError> {
    let scope = reach.scope();
    if !scope.holds(&new.site, &new.tags) {
        return Err(wrong(
            "site",
            format!("Your scope is {}: the device would not be in it.", scope.words()),
        ));
    }
    if before.is_none_or(|before| !is_reached_alike(before, new)) && !scope.holds_site(&new.site) {
        let message =
            "How a device is reached and logged in to says only who has its whole site in their scope.";
        return Err(wrong("site", message.to_owned()));
    }
    if before.is_none_or(|before| !is_reached_alike(before, new)) && new.credential.is_none() {
        let message = "Name a credential of its site: without one, those of all sites would be tried.";
        return Err(wrong("credential", message.to_owned()));
    }
    Ok(())
}

/// Whether a device is where it was, and logged in to in the same way.
pub(crate) fn is_reached_alike(before: &NewDevice, new: &NewDevice) -> bool {
    let way = |device: &NewDevice| {
        let NewDevice { site, address, port, transport, https_port, legacy_ssh, .. } = device.clone();
        (site, address, port, transport, https_port, legacy_ssh)
    };
    way(before) == way(new) && (&before.credential, &before.jump_host) == (&new.credential, &new.jump_host)
}

/// Refuses a login or a way of a site that is not in the scope, as if there were none; what a device has that is reached as
/// before stays.
async fn check_logins(
    engine: &Engine,
    reach: &Reach,
    before: Option<&NewDevice>,
    new: &NewDevice,
) -> Result<()> {
    if let Some(name) = &new.credential
        && before.is_none_or(|before| !is_reached_alike(before, new))
        && let Some(found) = credential_fetch_by_name(&engine.db, name).await?
        && !may_send(reach, found.credential.site.as_deref())
    {
        return Err(unknown_credential(name).into());
    }
    if let Some(name) = &new.jump_host
        && before.is_none_or(|before| before.jump_host != new.jump_host)
        && let Some(found) = jump_host_fetch_by_name(&engine.db, name).await?
        && !may_use(reach, found.host.site.as_deref())
    {
        let message = format!("There is no jump host named \"{name}\"; add it first.");
        return Err(wrong("jump_host", message).into());
    }
    Ok(())
}

/// Whether somebody of this reach may name a credential of this site; none: of every site.
pub(crate) fn may_send(reach: &Reach, site: Option<&str>) -> bool {
    site.map_or(reach.is_whole(), |site| reach.scope().holds_site(site))
}

/// Whether somebody of this reach may name a jump host of this site; none: of every site. Its login goes to itself alone.
pub(crate) fn may_use(reach: &Reach, site: Option<&str>) -> bool {
    site.is_none_or(|site| reach.scope().holds_site(site))
}

pub(super) fn unknown_credential(name: &str) -> UserError {
    wrong("credential", format!("There is no credential named \"{name}\"; add it first."))
}

pub(super) fn wrong(field: &str, message: String) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message }])
}

#[cfg(test)]
mod tests {
    use etiqa_model::scope::Scope;
    use etiqa_model::user::Role;

    use super::*;

    fn device(change: impl FnOnce(&mut DeviceInput)) -> NewDevice {
        let mut input =
            DeviceInput { address: "192.0.2.1".into(), site: "vienna".into(), ..DeviceInput::default() };
        input.credential = "vienna".into();
        change(&mut input);
        input.parse().unwrap()
    }

    fn reach(scope: &str) -> Reach {
        Reach::new(Role::Operator, Scope::parse(scope).unwrap()).unwrap()
    }

    #[test]
    fn a_device_is_added_at_a_site_of_the_scope_and_never_leaves_it() {
        let vienna = reach("site:vienna");
        let known = device(|_| {});
        assert!(check(&vienna, None, &known).is_ok());
        assert!(check(&vienna, Some(&known), &device(|input| input.address = "192.0.2.9".into())).is_ok());
        let linz = device(|input| input.site = "linz".into());
        assert!(check(&vienna, None, &linz).unwrap_err().field("site").is_some());
        assert!(check(&vienna, Some(&known), &linz).is_err());
    }

    #[test]
    fn a_device_that_could_be_anybodys_is_logged_in_to_with_a_login_of_its_site_alone() {
        let vienna = reach("site:vienna");
        let bare = device(|input| input.credential = String::new());
        assert!(check(&vienna, None, &bare).unwrap_err().field("credential").is_some());
        let moved = device(|input| {
            input.credential = String::new();
            input.address = "192.0.2.66".into();
        });
        assert!(check(&vienna, Some(&bare), &moved).is_err());
        assert!(check(&vienna, Some(&device(|_| {})), &bare).is_err(), "nor is it taken away");
        let described = device(|input| {
            input.credential = String::new();
            input.description = "Rack 7".into();
        });
        assert!(check(&vienna, Some(&bare), &described).is_ok(), "what an admin chose stays");
        assert!(
            !may_send(&vienna, None) && may_send(&vienna, Some("vienna")) && !may_send(&vienna, Some("linz"))
        );
        assert!(may_send(&Reach::from(Role::Operator), None));
    }

    #[test]
    fn a_tag_alone_says_nothing_of_how_a_device_is_reached() {
        let core = reach("tag:core");
        let tagged = |change: fn(&mut DeviceInput)| {
            device(|input| {
                input.tags = "core".into();
                change(input);
            })
        };
        let known = tagged(|_| {});
        assert!(check(&core, None, &known).is_err(), "the site's logins would go to it");
        assert!(check(&core, Some(&known), &tagged(|input| input.description = "Rack 7".into())).is_ok());
        let ways: [fn(&mut DeviceInput); 6] = [
            |input| input.address = "192.0.2.66".into(),
            |input| input.port = "2222".into(),
            |input| input.transport = "telnet".into(),
            |input| input.site = "linz".into(),
            |input| input.credential = "admin".into(),
            |input| input.jump_host = "bastion".into(),
        ];
        for way in ways {
            assert!(check(&core, Some(&known), &tagged(way)).is_err());
        }
        assert!(check(&core, Some(&known), &device(|_| {})).is_err(), "without the tag it would be gone");
    }
}
