//! What devices log when their configuration was changed, and what they log otherwise. Lines are from vendors' references and
//! from logs in public repositories, as they come behind the priority.

use super::*;

/// A platform, lines that tell of a change, and lines that do not.
type Told = (&'static str, &'static [&'static str], &'static [&'static str]);

const TOLD: &[Told] = &[
    (
        "ios",
        &[
            "340878: 340874: mar 18 11:58:42.021 MSK: %SYS-5-CONFIG_I: Configured from console by petrov on vty0 (192.0.2.7)",
            "sw1: *Mar  1 00:00:46: %SYS-SW1-5-CONFIG_I: Configured from console by vty0 (192.0.2.7)",
            "38702: *Mar  9 06:50:48.163: %DMI-5-CONFIG_I: R0/0: dmiauthd: Configured from NETCONF/RESTCONF by ann, transaction-id 164615",
        ],
        &[
            "45: *Mar  1 00:01:02: %LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to up",
            // The program's own session, where each command is recorded.
            "46: *Mar  1 00:01:03: %PARSER-5-CFGLOG_LOGGEDCMD: User:backup  logged command:!exec: enable",
            "47: *Mar  1 00:01:04: %SEC_LOGIN-5-LOGIN_SUCCESS: Login Success [user: backup] [Source: 192.0.2.9] [localport: 22]",
        ],
    ),
    (
        "nxos",
        &[
            "2014 Jun 29 19:20:57 Nexus-7000 %VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from vty by admin on console0",
        ],
        &[
            "sw01: 2017 Jul 28 14:42:46 UTC: %AUTHPRIV-6-SYSTEM_MSG: session opened for user luke by (uid=0) - dcos_sshd[12977]",
        ],
    ),
    (
        "iosxr",
        &[
            "354: xr1 RP/0/RP0/CPU0:Jun  2 10:54:58.306 UTC: config[66976]: %MGBL-CONFIG-6-DB_COMMIT : Configuration committed by user 'cisco'. Use 'show configuration commit changes 1000000076' to view the changes.",
            "RP/0/RP0/CPU0:Jul 17 16:46:21.568 UTC: config[67444]: %MGBL-SYS-5-CONFIG_I : Configured from console by cisco on vty0 (192.0.2.69)",
        ],
        &[
            "RP/0/RP0/CPU0:Jun  2 10:54:58.561 UTC: SSHD_[66937]: %SECURITY-SSHD-6-INFO_USER_LOGOUT : User 'cisco' from '192.0.2.41' logged out on 'vty2'",
        ],
    ),
    (
        "asa",
        &[
            "Nov 08 2013 10:18:30 fw1 : %ASA-5-111005: 192.0.2.1 end configuration: OK",
            "Nov 08 2013 10:18:30: %ASA-config-5-111005: console end configuration: OK",
            "%ASA-5-111008: User 'admin' executed the 'write memory' command.",
            "Oct 06 2021 15:02:30 192.0.2.10 : %ASA-5-111010: User 'ann', running 'ASDM' from IP 192.0.2.1, executed 'no logging on'",
        ],
        &[
            // The program's own session.
            "%ASA-5-111008: User 'backup' executed the 'terminal pager 0' command.",
            "%ASA-5-111010: User 'backup', running 'CLI' from IP 192.0.2.9, executed 'terminal pager 0'",
            "%ASA-7-111009: User 'backup' executed cmd: show version",
            "%ASA-5-111001: Begin configuration: 192.0.2.1 writing to memory",
            "%ASA-6-605005: Login permitted from 192.0.2.5/4711 to inside:192.0.2.1/ssh for user \"admin\"",
        ],
    ),
    (
        "junos",
        &[
            "May  9 12:00:00 router mgd[1234]: UI_COMMIT: User 'alice' requested 'commit' operation (comment: none)",
            "May  9 12:00:03 router mgd[1234]: UI_COMMIT_COMPLETED: commit complete",
            "1 2007-02-15T09:17:15.719Z router1 mgd 3046 UI_COMMIT_COMPLETED [junos@2636.1.1.1.2.18] commit complete",
        ],
        &[
            "May  9 12:00:01 router mgd[1234]: UI_COMMIT_PROGRESS: Commit operation in progress: commit wrapup...",
            "Feb 27 02:33:49 bm-a mgd[6520]: UI_DBASE_LOGIN_EVENT: User 'ann' entering configuration mode",
            "Feb 27 02:38:29 bm-a mgd[6520]: UI_CMDLINE_READ_LINE: User 'backup', command 'show configuration | display set '",
        ],
    ),
    (
        "eos",
        &[
            "Apr 16 11:04:17 edge01 ConfigAgent: %SYS-5-CONFIG_I: Configured from console by charlie on vty1 (192.0.2.7)",
            "Apr 25 09:29:27 P1 ConfigAgent: %SYS-5-CONFIG_SESSION_COMMIT_SUCCESS: User cvpadmin committed configuration session s1 successfully on TerminAttr (localhost)",
            "Apr 25 09:29:29 P1 ConfigAgent: %SYS-5-CONFIG_STARTUP: Startup config saved from system:/running-config by cvpadmin on TerminAttr",
        ],
        &[
            "Sep 19 19:20:13 spine1 ConfigAgent: %SYS-5-CONFIG_SESSION_ENTERED: User arista entered configuration session s1 on GNMI (192.0.2.1:57388)",
            "Apr 16 11:04:17 edge01 Rib: %BGP-3-NOTIFICATION: received from neighbor 192.0.2.3 (AS 2611) 6/1 (Cease) 0 bytes",
        ],
    ),
    (
        "fortios",
        &[
            "date=2025-04-10 time=05:01:53 devname=\"fw-1\" eventtime=1744286513150014241 tz=\"-0700\" logid=\"0100044547\" type=\"event\" subtype=\"system\" level=\"information\" vd=\"root\" logdesc=\"Object attribute configured\" user=\"admin\" ui=\"GUI(192.0.2.115)\" action=\"Add\" cfgpath=\"firewall.policy\" cfgobj=\"8\" msg=\"Add firewall.policy 8\"",
            "date=2020-05-22 time=14:28:40 devname=FG3040B_591 devid=FG3K0B3I logid=0100044545 type=event subtype=system level=information vd=\"root\" logdesc=\"Object configured\" action=Move cfgpath=\"router.policy\"",
        ],
        &[
            "date=2025-04-10 time=05:01:53 logid=\"0100032001\" type=\"event\" subtype=\"system\" logdesc=\"Admin login successful\" user=\"backup\"",
            "date=2025-04-10 time=05:01:53 logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" msg=\"0100044547\"",
        ],
    ),
    (
        "panos",
        &[
            "Apr 14 16:48:54 pa.test 1,2020/04/14 16:48:54,007,SYSTEM,general,0,2020/04/14 16:48:54,,general,,0,0,general,informational,\"Commit job succeeded for user admin\",1718,0x0",
            "1,2021/07/20 23:59:02,1234567890,CONFIG,0,0,2021/07/20 00:53:40,192.0.2.1,,commit,admin,Web,Succeeded,,0,0x0",
        ],
        &[
            "1,2021/07/20 23:59:02,1234567890,CONFIG,0,0,2021/07/20 00:53:40,192.0.2.1,,commit,admin,Web,Submitted,,0,0x0",
            "1,2021/07/20 23:59:02,1234567890,CONFIG,0,0,2021/07/20 00:53:40,192.0.2.1,,set,admin,Web,Succeeded,deviceconfig system,0,0x0",
            "1,2020/04/14 16:48:54,007,SYSTEM,auth,0,2020/04/14 16:48:54,,auth-fail,,0,0,general,medium,failed authentication for user 'admin'.,1718,0x0",
        ],
    ),
    (
        "gaia",
        &[
            "CP-MGMT xpand[2859]: Configuration changed from localhost by user admin by the service dbset",
            "May 12 12:35:14 2015 gw1 clish[24561]: cmd by admin: Start executing : save config (cmd md5: 1d)",
        ],
        &[
            // The program's own session.
            "May 12 12:35:14 2015 gw1 clish[24561]: cmd by backup: Start executing : set clienv ... (cmd md5: 1d)",
            "May 12 12:35:14 2015 gw1 clish[24561]: cmd by backup: Start executing : show configuration (cmd md5: 1d)",
            "May 12 12:35:14 2015 gw1 xpand[6129]: backup localhost t +volatile:clish:backup:24561 t",
            "gw1 routed[4006]: rt_instance_monitor_job: scheduled next instance monitor in 5 seconds",
        ],
    ),
    (
        "bigip",
        &[
            "Jan 17 03:35:18 f5.test notice mcpd[7521]: 01070417:5: AUDIT - client tmui, user admin - transaction #234-2 - object 0 - modify { pool { pool_name \"/Common/p\" } } [Status=Command OK]",
            "Jan 17 03:35:18 f5.test notice tmsh[16322]: 01420002:5: AUDIT - pid=16322 user=root folder=/Common module=(tmos)# status=[Command OK] cmd_data=save sys config",
        ],
        &[
            // The program's own session.
            "Jan 17 03:35:18 f5.test notice tmsh[16322]: 01420002:5: AUDIT - pid=16322 user=backup folder=/ module=(tmos)# status=[Command OK] cmd_data=cd / ;",
            "Jan 17 03:35:18 f5.test notice tmsh[16322]: 01420002:5: AUDIT - pid=16322 user=backup folder=/ module=(tmos)# status=[Command OK] cmd_data=show running-config recursive",
            "Jan 17 09:44:14 f5.test info sshd(pam_audit)[16784]: 01070417:6: AUDIT - user backup - RAW: sshd(pam_audit): user=backup(backup) partition=[All] level=Administrator tty=ssh host=192.0.2.16 attempts=1",
        ],
    ),
    (
        "procurve",
        &["Jan  1 01:02:03 192.0.2.1 00000 mgr:  Running configuration changed by manager via SSH"],
        &[
            "Jan  1 01:02:03 192.0.2.1 00419 auth:  Invalid user name/password on SSH session User 'x' is trying to login",
        ],
    ),
    (
        "comware",
        &[
            "Jan  1 07:30:19 2000 Sysname %%10CFGMAN/5/CFGMAN_CFGCHANGED: -EventIndex=6-CommandSource=snmp-ConfigSource=startup-ConfigDestination=running; Configuration is changed.",
            "Jan  1 07:30:19 2000 Sysname %%10CFGMAN/5/CFGMAN_CFGCHANGED: -EventIndex=[12-CommandSource=2-ConfigSource=4-ConfigDestination=2; Configuration is changed.]",
        ],
        &[
            "Jan  1 07:30:20 2000 Sysname %%10ARP/6/DUPIFIP: Duplicate address 192.0.2.1 on interface Vlan-interface100",
        ],
    ),
    (
        "vrp",
        &[
            "Apr 30 2023 04:00:32-08:00 Huawei DS/4/DATASYNC_CFGCHANGE:OID 1.3.6.1.4.1.2011.5.25.191.3.1 configurations have been changed. The current change number is 4",
        ],
        &["Aug 19 2021 15:50:12+08:00 HUAWEI %%01SHELL/5/LOGIN(s)[1]:VTY login from 192.0.2.9"],
    ),
    (
        "awplus",
        &[
            "Jan  1 01:02:03 awplus IMI[123]: Startup-config saved on Thu Jan 1 01:02:03 2019 by manager via vty0",
        ],
        &["Jan  1 01:02:03 awplus sshd[99]: Accepted password for backup from 192.0.2.9 port 4711 ssh2"],
    ),
];

#[test]
fn what_a_device_logs_of_a_change_is_told_from_all_else_and_from_the_programs_own_session() {
    let set = DriverSet::built_in();
    for (platform, changes, others) in TOLD {
        let driver = set.get(platform).unwrap();
        for message in *changes {
            assert!(driver.tells_of_change(message), "{platform}: {message}");
        }
        for message in *others {
            assert!(!driver.tells_of_change(message), "{platform}: {message}");
        }
    }
}

#[test]
fn every_driver_that_knows_messages_of_changes_is_held_against_some() {
    let known: Vec<String> = DriverSet::built_in()
        .iter()
        .filter(|driver| !driver.changes.is_empty())
        .map(|driver| driver.name().to_owned())
        .collect();
    let mut told: Vec<&str> = TOLD.iter().map(|(platform, ..)| *platform).collect();
    told.sort_unstable();
    assert_eq!(known, told);
}

#[test]
fn a_message_that_the_drivers_own_commands_would_cause_is_worth_a_warning() {
    let text =
        "title = \"Small\"\nmode = \"exec\"\n[[command]]\nsend = \"show config\"\npart = \"running\"\n";
    let warnings = |messages: &str| {
        let driver = Driver::parse("small", &format!("{text}[change]\nmessages = [{messages}]\n")).unwrap();
        driver.warnings().to_vec()
    };
    assert!(warnings("'CONFIG_CHANGED'").is_empty());
    let found = warnings("'CONFIG_CHANGED', 'config'");
    assert_eq!((found.len(), found[0].line), (1, 7));
    assert!(found[0].message.contains("`show config`"), "{}", found[0].message);
}
