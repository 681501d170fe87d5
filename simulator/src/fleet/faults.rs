//! How many devices of a fleet have which fault: `wrong-password=1,hang=2,drop=10%`.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use crate::faults::Faults;

/// Which faults a fleet has, and how often.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    wanted: Vec<(Kind, Share)>,
    /// Where a hanging device stops, in bytes of configuration.
    pub hang_after: usize,
    /// Where a dropping device disconnects, in bytes of configuration.
    pub drop_after: usize,
    /// How long a slow device waits before each answer.
    pub slow: Duration,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self { wanted: Vec::new(), hang_after: 2_000, drop_after: 2_000, slow: Duration::from_secs(2) }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    WrongPassword,
    Hang,
    Drop,
    Error,
    Slow,
}

#[derive(Debug, Clone, Copy)]
enum Share {
    Devices(usize),
    Percent(usize),
}

impl FaultPlan {
    /// The faults by device index. No device has two; they are spread evenly.
    pub(super) fn for_devices(&self, devices: usize) -> anyhow::Result<HashMap<usize, Faults>> {
        let faults: Vec<Faults> = self
            .wanted
            .iter()
            .flat_map(|(kind, share)| {
                let count = match share {
                    Share::Devices(count) => *count,
                    // A share that is asked for is never rounded away.
                    Share::Percent(percent) => (devices * percent).div_ceil(100),
                };
                std::iter::repeat_n(self.fault(*kind), count.min(devices + 1))
            })
            .collect();
        anyhow::ensure!(
            faults.len() <= devices,
            "{} faulty devices were asked for, but there are only {devices} devices.",
            faults.len()
        );
        let step = devices / faults.len().max(1);
        Ok(faults.into_iter().enumerate().map(|(index, fault)| (index * step + step - 1, fault)).collect())
    }

    fn fault(&self, kind: Kind) -> Faults {
        match kind {
            Kind::WrongPassword => Faults::wrong_password(),
            Kind::Hang => Faults::hang_after(self.hang_after),
            Kind::Drop => Faults::drop_after(self.drop_after),
            Kind::Error => Faults::reject_commands(),
            Kind::Slow => Faults::slow(self.slow),
        }
    }
}

impl FromStr for FaultPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(wanted)
            .collect::<Result<_, _>>()?;
        Ok(Self { wanted, ..Self::default() })
    }
}

fn wanted(part: &str) -> Result<(Kind, Share), String> {
    let (name, share) = part
        .split_once('=')
        .ok_or_else(|| format!("\"{part}\" has no count; write {part}=1 or {part}=5%."))?;
    let kind = match name.trim() {
        "wrong-password" => Kind::WrongPassword,
        "hang" => Kind::Hang,
        "drop" => Kind::Drop,
        "error" => Kind::Error,
        "slow" => Kind::Slow,
        _ => return Err(format!("\"{name}\" is no fault; use wrong-password, hang, drop, error or slow.")),
    };
    let not_a_share = || format!("\"{share}\" is neither a number of devices nor a percentage, as 2 or 5%.");
    let share = match share.trim().strip_suffix('%') {
        Some(percent) => {
            Share::Percent(percent.parse().ok().filter(|percent| *percent <= 100).ok_or_else(not_a_share)?)
        }
        None => Share::Devices(share.trim().parse().map_err(|_| not_a_share())?),
    };
    Ok((kind, share))
}
