//! Where a mirror is pushed to, as people write it for Git.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use etiqa_model::UserError;
use reqwest::Url;

/// The address of a repository. Never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `ssh://user@host:port/path` or `user@host:path`.
    Ssh {
        /// The login name, where the address has one.
        user: Option<String>,
        /// A DNS name, or an IP without brackets.
        host: String,
        /// TCP port.
        port: u16,
        /// As the server takes it: `/srv/configs.git`, `~git/configs.git`, `team/configs.git`.
        path: String,
    },
    /// `https://host/path`; `http://` to this machine alone.
    Http {
        /// The login name, where the address has one.
        user: Option<String>,
        /// Without login, query and the slash at its end.
        url: Url,
    },
    /// `/path` or `file:///path`: a folder of this machine, such as a mounted share.
    Folder(PathBuf),
}

impl Address {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UserError::invalid("Give the address of the repository."));
        }
        if text.chars().any(char::is_control) {
            return Err(UserError::invalid("The address has a control character in it; type it anew."));
        }
        match text.split_once("://") {
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => ssh(rest),
            Some(("https" | "http", _)) => http(text),
            Some(("file", path)) if path.starts_with('/') => Ok(folder(path)),
            Some((scheme, _)) => Err(UserError::invalid(format!(
                "Git over {scheme}:// is not supported; give an address with https:// or ssh://, or a folder's path."
            ))),
            None if text.starts_with('/') => Ok(folder(text)),
            None => short_ssh(text),
        }
    }

    /// The login name that the address has.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Ssh { user, .. } | Self::Http { user, .. } => user.as_deref(),
            Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh { host, port: 22, path, .. } => write!(f, "{host}:{path}"),
            Self::Ssh { host, port, path, .. } => write!(f, "{host} port {port}:{path}"),
            Self::Http { url, .. } => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

fn folder(path: &str) -> Address {
    Address::Folder(PathBuf::from(path))
}

/// `user@host:port/path`, behind `ssh://`.
fn ssh(rest: &str) -> Result<Address, UserError> {
    let (authority, path) = rest.split_once('/').ok_or_else(no_path)?;
    let (user, host) = user_and_rest(authority)?;
    let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse().map_err(|_| UserError::invalid(format!("{port:?} is no port.")))?,
        None => 22,
    };
    // `/~name/…` is a path in that user's home (git-clone, "Git URLs").
    let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
    ssh_address(user, host, port, path)
}

/// `user@host:path`, as `scp` takes it.
fn short_ssh(text: &str) -> Result<Address, UserError> {
    let unknown = || {
        UserError::invalid(
            "This is no address of a Git repository; give one like https://host/team/configs.git, \
             git@host:team/configs.git or /srv/configs.git.",
        )
    };
    let (before, path) = match text.split_once("]:") {
        Some((before, path)) => (before, path),
        None => text.split_once(':').ok_or_else(unknown)?,
    };
    if before.contains('/') {
        return Err(unknown());
    }
    let (user, host) = match before.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, before),
    };
    ssh_address(user.filter(|user| !user.is_empty()), host.trim_start_matches('['), 22, path.to_owned())
}

fn ssh_address(user: Option<String>, host: &str, port: u16, path: String) -> Result<Address, UserError> {
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(UserError::invalid("The address names no server."));
    }
    if path.trim_matches('/').is_empty() {
        return Err(no_path());
    }
    // The server's command would take it for an option.
    if path.starts_with('-') {
        return Err(UserError::invalid("A repository's path cannot begin with a dash."));
    }
    Ok(Address::Ssh { user, host: host.to_owned(), port, path })
}

fn http(text: &str) -> Result<Address, UserError> {
    let mut url = Url::parse(text)
        .map_err(|error| UserError::invalid(format!("The address cannot be read: {error}. Correct it.")))?;
    if url.password().is_some() {
        return Err(password_in_address());
    }
    if url.scheme() == "http" && !is_this_machine(&url) {
        return Err(UserError::invalid(
            "Over http:// everybody on the way could read the configurations and the password; give an address with \
             https://.",
        ));
    }
    let user = Some(url.username().to_owned()).filter(|user| !user.is_empty());
    // What cannot be set is not there to be cleared.
    let _ = url.set_username("");
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    if path.is_empty() {
        return Err(no_path());
    }
    url.set_path(&path);
    Ok(Address::Http { user, url })
}

/// `user` and what follows `@`.
fn user_and_rest(authority: &str) -> Result<(Option<String>, &str), UserError> {
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => Err(password_in_address()),
        Some((user, rest)) => Ok((Some(user.to_owned()).filter(|user| !user.is_empty()), rest)),
        None => Ok((None, authority)),
    }
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn password_in_address() -> UserError {
    UserError::invalid("The address has a password in it; take it out and put it into the field for it.")
}

fn no_path() -> UserError {
    UserError::invalid("The address names a server and no repository; put the repository's path behind it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(user: Option<&str>, host: &str, port: u16, path: &str) -> Address {
        Address::Ssh { user: user.map(str::to_owned), host: host.into(), port, path: path.into() }
    }

    #[test]
    fn addresses_are_read_as_git_reads_them() {
        for (text, address) in [
            (
                "git@git.example.org:team/configs.git",
                ssh(Some("git"), "git.example.org", 22, "team/configs.git"),
            ),
            ("host:/srv/configs.git", ssh(None, "host", 22, "/srv/configs.git")),
            ("git@[::1]:configs.git", ssh(Some("git"), "::1", 22, "configs.git")),
            ("ssh://git@host/srv/configs.git", ssh(Some("git"), "host", 22, "/srv/configs.git")),
            ("ssh://host:2222/configs", ssh(None, "host", 2222, "/configs")),
            ("ssh://a@[fe80::1]:22022/~git/x.git", ssh(Some("a"), "fe80::1", 22022, "~git/x.git")),
            ("/srv/configs.git", Address::Folder("/srv/configs.git".into())),
            ("file:///srv/configs.git", Address::Folder("/srv/configs.git".into())),
        ] {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
        }
        let web = Address::parse("https://me@host:8443/team/configs.git/").unwrap();
        assert_eq!(
            (web.user(), web.to_string().as_str()),
            (Some("me"), "https://host:8443/team/configs.git")
        );
        assert!(Address::parse("http://127.0.0.1:3000/a").is_ok());
        assert!(Address::parse("http://[::1]:3000/a").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_sentence() {
        for (text, word) in [
            ("", "Give the address"),
            ("configs", "no address"),
            ("a/b:c", "no address"),
            ("ftp://host/x", "not supported"),
            ("file://host/x", "not supported"),
            ("http://host/x", "https://"),
            ("http://localhost.example.org/x", "https://"),
            ("https://me:s3cret@host/x", "password"),
            ("ssh://me:s3cret@host/x", "password"),
            ("https://host/", "no repository"),
            ("ssh://host", "no repository"),
            ("ssh://host:none/x", "no port"),
            ("git@host:-oProxyCommand=x", "dash"),
            ("git@host:a\nb", "control character"),
        ] {
            let refused = Address::parse(text).unwrap_err().message;
            assert!(refused.contains(word) && !refused.contains("s3cret"), "{text}: {refused}");
        }
    }
}
