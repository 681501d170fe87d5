//! Notifications: what is told, to whom, and what became of it.

mod channel;
mod delivery;
mod event;
mod message;
mod rule;
mod template;

pub use channel::{
    AppriseSettings, Channel, ChannelInput, ChannelKind, ChannelName, ChannelSecrets, ChannelSettings,
    ChannelTest, EmailSettings, HeartbeatSettings, MailSecurity, NewChannel, NtfySettings, SyslogSettings,
    SyslogTransport, WebSettings,
};
pub use delivery::{Attempt, Delivery, DeliveryPage, DeliveryState};
pub use event::{NotifyEvent, Severity};
pub use message::{Item, ItemState, Message, Ping, PingKind, default_text, default_title};
pub use rule::{NewRule, QuietThen, Repeat, Rule, RuleInput, RuleList, RuleSettings, Timing};
pub use template::{PLACEHOLDERS, Template};
