//! The words of the API: names that a field may have, read from where the program itself has them.

use etiqa_model::archive::Encryption;
use etiqa_model::artifact::ArtifactCadence;
use etiqa_model::audit::AuditOutcome;
use etiqa_model::backup::{BackupKind, ConfigState};
use etiqa_model::class::Class;
use etiqa_model::config::VersionState;
use etiqa_model::destination::{DestinationKind, KeepCopies};
use etiqa_model::device::{DeviceState, DeviceStatus, DeviceType, Transport};
use etiqa_model::history::Outcome;
use etiqa_model::job::JobState;
use etiqa_model::notify::{
    ChannelKind, DeliveryState, MailSecurity, NotifyEvent, QuietThen, Repeat, SyslogTransport,
};
use etiqa_model::run::{Phase, RunStatus, Trigger};
use etiqa_model::user::Role;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! names {
    ($($(#[$doc:meta])* $schema:ident: $names:expr;)+) => {$(
        $(#[$doc])*
        pub(super) struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                let names: Vec<&'static str> = $names;
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
            }
        }

        impl ToSchema for $schema {}
    )+};
}

names! {
    /// See [`DeviceType`].
    DeviceTypeName: DeviceType::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`DeviceState`].
    DeviceStateName: DeviceState::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`DeviceStatus`].
    DeviceStatusName: [DeviceStatus::Online, DeviceStatus::Offline, DeviceStatus::Unknown].map(DeviceStatus::as_str).to_vec();
    /// See [`Transport`].
    TransportName: [Transport::Ssh, Transport::Telnet].map(Transport::as_str).to_vec();
    /// See [`Class`].
    ClassName: Class::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`VersionState`].
    VersionStateName: [VersionState::Active, VersionState::Inactive, VersionState::Suspect, VersionState::Rejected]
        .map(VersionState::as_str)
        .to_vec();
    /// See [`BackupKind`].
    BackupTypeName: BackupKind::ALL.iter().map(|one| one.as_str()).collect();
    /// How often a backup config runs.
    FrequencyName: vec!["hourly", "daily", "weekly", "monthly", "cron"];
    /// See [`ConfigState`].
    BackupStateName: [
        ConfigState::Disabled, ConfigState::Running, ConfigState::Due, ConfigState::Failing, ConfigState::NeverRun,
        ConfigState::Ok,
    ]
    .map(ConfigState::as_str)
    .to_vec();
    /// See [`ArtifactCadence`].
    CadenceName: ArtifactCadence::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`Encryption`].
    EncryptionName: Encryption::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`RunStatus`].
    RunStatusName: RunStatus::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`Phase`].
    PhaseName: [Phase::Waiting, Phase::Collecting, Phase::Artifacts, Phase::Packing, Phase::Verifying]
        .map(Phase::as_str)
        .to_vec();
    /// See [`Trigger`].
    TriggerName: Trigger::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`Outcome`].
    OutcomeName: Outcome::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`DestinationKind`].
    DestinationKindName: DestinationKind::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`KeepCopies`].
    KeepName: KeepCopies::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`ChannelKind`].
    ChannelKindName: ChannelKind::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`MailSecurity`].
    MailSecurityName: MailSecurity::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`SyslogTransport`].
    SyslogTransportName: SyslogTransport::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`NotifyEvent`].
    NotifyEventName: NotifyEvent::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`Repeat`].
    RepeatName: Repeat::ALL.iter().map(|one| one.as_str()).collect();
    /// When a rule of notifications tells.
    TimingName: vec!["now", "daily", "weekly"];
    /// See [`QuietThen`].
    QuietThenName: QuietThen::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`DeliveryState`].
    DeliveryStateName: DeliveryState::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`Role`].
    RoleName: Role::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`AuditOutcome`].
    AuditOutcomeName: AuditOutcome::ALL.iter().map(|one| one.as_str()).collect();
    /// See [`JobState`].
    JobStateName: JobState::ALL.iter().map(|one| one.as_str()).collect();
    /// See `ErrorKind`.
    KindName: vec![
        "invalid", "sign_in_needed", "forbidden", "not_found", "conflict", "too_many", "unavailable", "internal",
    ];
}
