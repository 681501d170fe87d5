//! A copy whose archive is given up here: it is deleted there, unless copies are kept or it is not ours any more.

use etiqa_model::destination::KeepCopies;

use super::deliver::{Parcel, There, compare};
use super::done::Done;
use super::place::{Headway, Outlook, Place, PlaceError};
use crate::store::archive_copy::DueCopy;

/// Deletes a copy, and what an upload left that was cut off. What is not ours, as far as that can be told, stays.
///
/// What keeps it from being looked at is the whole place's trouble; what keeps it from being deleted is its own.
pub(super) async fn withdraw(
    place: &dyn Place,
    keep: KeepCopies,
    copy: &DueCopy,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<Done, PlaceError> {
    let (name, there) = match &copy.remote_name {
        Some(name) => (name, size_of(place, name, copy.size_bytes).await?),
        // It may have come there whole, and the program ended before it could say so.
        None => (&copy.file, compare(place, &copy.file, parcel, headway).await?),
    };
    if place.can_rename() {
        place.delete(parcel.stage).await.map_err(alone)?;
    }
    match there {
        There::Nothing => Ok(Done::Absent),
        // It never was ours.
        There::Other if copy.remote_name.is_none() => Ok(Done::Absent),
        There::Other => Ok(Done::Left(format!("{name} is another file there by now."))),
        There::Same if keep == KeepCopies::Forever => Ok(Done::Kept(name.clone())),
        There::Same => {
            place.delete(name).await.map_err(alone)?;
            Ok(Done::Deleted)
        }
    }
}

/// What is known to have been sent is told by its size: not all of it is read to be deleted.
async fn size_of(place: &dyn Place, name: &str, sent: u64) -> Result<There, PlaceError> {
    Ok(match place.size_of(name).await? {
        None => There::Nothing,
        Some(size) if size == sent => There::Same,
        Some(_) => There::Other,
    })
}

/// What may not be deleted keeps nothing from being sent: logins that may only add are there for a reason.
fn alone(error: PlaceError) -> PlaceError {
    match error.outlook {
        Outlook::Permanent => PlaceError::one_file(error.message),
        Outlook::Temporary | Outlook::OneFile => error,
    }
}
