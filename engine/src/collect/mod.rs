//! Talking to devices: transports, the driver runner, completeness.
