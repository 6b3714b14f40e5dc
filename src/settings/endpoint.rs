//! Addresses of nodes without the keys in them.
//!
//! Providers of nodes put the key into the path, the query, the user name or the name of the host.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::types::integer::ChainId;

/// The schemes of nodes. Anything else before `://` could be a key.
const SCHEMES: [&str; 6] = ["http", "https", "ws", "wss", "ipc", "unix"];

/// The schemes of replicas of Litestream. Their keys are in the user and the query, never in the path.
const REPLICAS: [&str; 9] = [
    "file", "s3", "gs", "abs", "sftp", "oss", "nats", "webdav", "webdavs",
];

/// Stands for what is not shown.
const BLANK: &str = "…";

/// The address of a node as it may be shown: its scheme, the last two labels of the host or the IP address, and the
/// port. The path of a local socket, which ends with `.ipc` or `.sock`, is complete. So are the bucket or the host and the
/// path of a replica of Litestream, such as `s3://`.
///
/// ```
/// use degenbot::settings::endpoint_without_key;
///
/// let endpoint = "https://eth-mainnet.example.com:8545/v2/KEY";
/// assert_eq!(endpoint_without_key(endpoint), "https://….example.com:8545/…");
/// let replica = "s3://KEY:KEY@bots/main?endpoint=https://example.com";
/// assert_eq!(endpoint_without_key(replica), "s3://…@bots/main?…");
/// ```
#[must_use]
pub fn endpoint_without_key(endpoint: &str) -> String {
    let endpoint = endpoint.trim();
    let (scheme, rest) = split_scheme(endpoint);
    if is_socket(scheme, rest) {
        return endpoint.to_owned();
    }
    if let Some(scheme) = scheme.filter(|scheme| is_among(&REPLICAS, scheme)) {
        return replica(scheme, rest);
    }
    let parts = Parts::of(rest);
    let shown_scheme = match scheme {
        None => String::new(),
        Some(scheme) if is_known(scheme) => format!("{scheme}://"),
        Some(_) => format!("{BLANK}://"),
    };
    let user = if parts.user.is_empty() { "" } else { "…@" };
    let path = match parts.path {
        "" | "/" => parts.path.to_owned(),
        _ => format!("/{BLANK}"),
    };
    format!(
        "{shown_scheme}{user}{}{path}",
        host(&parts, endpoint.contains("://"))
    )
}

/// The address of a replica, without the user and the query.
fn replica(scheme: &str, rest: &str) -> String {
    // A password can have any character but the slash.
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => ("…@", host),
        None => ("", authority),
    };
    let address = format!("{host}{path}");
    let (place, query) = match address.split_once(['?', '#']) {
        Some((place, _)) => (place, "?…"),
        None => (address.as_str(), ""),
    };
    if place.contains('@') {
        // One with a slash in it was taken for a host and a path.
        return format!("{scheme}://{BLANK}/{BLANK}");
    }
    format!("{scheme}://{user}{place}{query}")
}

/// A text that may quote addresses of nodes, such as the answer of a node, without the keys in them: each address is
/// shown as [`endpoint_without_key`] shows it, and what that hides of `endpoint` is blanked out wherever it occurs.
///
/// `endpoint` is the address of the node that the text is about; it can be empty.
///
/// ```
/// use degenbot::settings::text_without_keys;
///
/// let endpoint = "https://mainnet.example.com/v2/0123456789abcdef";
/// let text = "Invalid key 0123456789abcdef: see https://example.com/help";
/// assert_eq!(text_without_keys(text, endpoint), "Invalid key …: see https://example.com/…");
/// ```
#[must_use]
pub fn text_without_keys(text: &str, endpoint: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let begin = rest[..at]
            .rfind(|c: char| !is_of_scheme(c))
            .map_or(0, |before| {
                before + rest[before..].chars().next().map_or(1, char::len_utf8)
            });
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>".contains(c);
        let end = rest[at..].find(ends).map_or(rest.len(), |end| at + end);
        shown.push_str(&rest[..begin]);
        shown.push_str(&endpoint_without_key(&rest[begin..end]));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    for secret in secrets(endpoint) {
        shown = replaced(&shown, &secret);
    }
    shown
}

/// The nodes of chains as they may be shown.
pub(super) fn endpoints_without_keys(
    endpoints: &BTreeMap<ChainId, String>,
) -> BTreeMap<ChainId, String> {
    let shown = |(chain, node): (&ChainId, &String)| (*chain, endpoint_without_key(node));
    endpoints.iter().map(shown).collect()
}

/// The parts of an address behind its scheme.
struct Parts<'address> {
    user: &'address str,
    /// Empty if it cannot be told from what may be a key.
    host: &'address str,
    port: Option<&'address str>,
    /// The path, the query and the fragment.
    path: &'address str,
}

impl<'address> Parts<'address> {
    fn of(address: &'address str) -> Self {
        let end = address.find(['/', '\\', '?', '#']);
        let (authority, path) = address.split_at(end.unwrap_or(address.len()));
        let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match place.rsplit_once(':') {
            // The colons of an IPv6 address are in brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        // A password with a slash in it looks like a host and a path.
        let host = if path.contains('@') { "" } else { host };
        Self {
            user,
            host,
            port,
            path,
        }
    }
}

/// The host and port as they may be shown.
fn host(parts: &Parts<'_>, has_scheme: bool) -> String {
    let port = match parts.port {
        None => String::new(),
        Some(port) if port.parse::<u16>().is_ok() => format!(":{port}"),
        Some(_) => format!(":{BLANK}"),
    };
    let bracketed = parts
        .host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_address = match bracketed {
        Some(host) => host.parse::<Ipv6Addr>().is_ok(),
        None => parts.host.parse::<Ipv4Addr>().is_ok(),
    };
    if is_address {
        return format!("{}{port}", parts.host);
    }
    let is_of_host = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name = parts.host.strip_suffix('.').unwrap_or(parts.host);
    let labels: Vec<_> = name.split('.').collect();
    match labels.as_slice() {
        _ if !name.chars().all(is_of_host) => BLANK.to_owned(),
        [] | [""] => BLANK.to_owned(),
        // Without a scheme, a single word may be a key.
        [label] if has_scheme || *label == "localhost" => format!("{label}{port}"),
        [_] => BLANK.to_owned(),
        [one, other] => format!("{one}.{other}{port}"),
        [.., one, other] => format!("{BLANK}.{one}.{other}{port}"),
    }
}

/// The scheme, if there is one, and what follows it. A missing slash is a common mistake.
fn split_scheme(endpoint: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = endpoint.split_once(':') else {
        return (None, endpoint);
    };
    let has_slash = rest.starts_with(['/', '\\']);
    if !scheme.is_empty() && scheme.chars().all(is_of_scheme) && (has_slash || is_known(scheme)) {
        let slashes = rest
            .bytes()
            .take(2)
            .take_while(|byte| b"/\\".contains(byte));
        (Some(scheme), &rest[slashes.count()..])
    } else {
        (None, endpoint)
    }
}

fn is_known(scheme: &str) -> bool {
    is_among(&SCHEMES, scheme) || is_among(&REPLICAS, scheme)
}

fn is_among(schemes: &[&str], scheme: &str) -> bool {
    schemes
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme))
}

fn is_of_scheme(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-.".contains(c)
}

/// Whether the address is the path of a socket of this machine.
fn is_socket(scheme: Option<&str>, path: &str) -> bool {
    let is_local = scheme.is_none_or(|scheme| ["ipc", "unix", "file"].contains(&scheme));
    let is_path = ["/", "~/", "./", "../"]
        .iter()
        .any(|begin| path.starts_with(begin));
    let is_named = [".ipc", ".sock", ".socket"]
        .iter()
        .any(|end| path.ends_with(end));
    is_local
        && is_path
        && is_named
        && !path.starts_with("//")
        && !path.contains(['?', '#', '@', ':'])
}

/// What is not shown of an address, the longest first.
fn secrets(endpoint: &str) -> Vec<String> {
    /// What is shorter is no key, and may be part of any text.
    const KEY: usize = 6;
    let (scheme, rest) = split_scheme(endpoint.trim());
    if is_socket(scheme, rest) {
        return Vec::new();
    }
    let shown = endpoint_without_key(endpoint);
    let parts = Parts::of(rest);
    let words = rest.split(|c: char| "/\\?#&=:@;.".contains(c));
    let mut secrets: Vec<_> = [parts.user, parts.path]
        .into_iter()
        .chain(words)
        .filter(|word| word.len() >= KEY && !shown.contains(word))
        .map(str::to_owned)
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// The text with each occurrence of a secret blanked out, in any letter case.
fn replaced(text: &str, secret: &str) -> String {
    let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut shown = String::new();
    let mut begin = 0;
    for (at, found) in lower.match_indices(&secret) {
        shown.push_str(&text[begin..at]);
        shown.push_str(BLANK);
        begin = at + found.len();
    }
    shown.push_str(&text[begin..]);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_not_shown() {
        for (endpoint, shown) in [
            ("http://localhost:8545", "http://localhost:8545"),
            ("http://localhost:8545/", "http://localhost:8545/"),
            ("http://geth:8545", "http://geth:8545"),
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("http://[::1]:8545/KEY", "http://[::1]:8545/…"),
            ("https://eth.example/v2/KEY", "https://eth.example/…"),
            (
                "https://eth-mainnet.example.com/v2/KEY",
                "https://….example.com/…",
            ),
            (
                "https://KEY.eth.rpc.example.cloud",
                "https://….example.cloud",
            ),
            ("https://KEY.example.com.", "https://….example.com"),
            ("wss://example.com?key=KEY", "wss://example.com/…"),
            ("wss://example.com#KEY", "wss://example.com/…"),
            ("https://user:KEY@example.com", "https://…@example.com"),
            ("https://u:K@Y@example.com/K", "https://…@example.com/…"),
            ("https://u:K/EY@example.com", "https://…/…"),
            ("https://example.com:KEY/", "https://example.com:…/"),
            ("https://KEY%20.example.com", "https://…"),
            ("HTTPS://example.com/KEY", "HTTPS://example.com/…"),
            ("KEY://example.com", "…://example.com"),
            ("https:/example.com/KEY", "https://example.com/…"),
            ("https:example.com/KEY", "https://example.com/…"),
            ("https:KEY", "https://…"),
            ("https:/KEY/x", "https://…/…"),
            ("https:\\\\example.com\\KEY", "https://example.com/…"),
            ("https:///example.com/KEY", "https://…/…"),
            (" https://example.com/KEY ", "https://example.com/…"),
            ("eth-mainnet.g.example.com/v2/KEY", "….example.com/…"),
            ("user:KEY@node.example:8545", "…@node.example:8545"),
            ("//example.com/KEY.ipc", "…/…"),
            ("localhost:8545", "localhost:8545"),
            ("KEY", "…"),
            ("/v2/KEY", "…/…"),
            ("", "…"),
            ("/run/base.ipc", "/run/base.ipc"),
            ("~/geth.ipc", "~/geth.ipc"),
            ("ipc:///run/base.ipc", "ipc:///run/base.ipc"),
            ("ipc://example.com/KEY.ipc", "ipc://example.com/…"),
            ("file:///run/base.ipc", "file:///run/base.ipc"),
            ("s3://bots/main/2026", "s3://bots/main/2026"),
            ("S3://KEY:KEY@bots/main", "S3://…@bots/main"),
            ("s3://KEY:K?E#Y@bots/main", "s3://…@bots/main"),
            ("s3://KEY:K/EY@bots/main", "s3://…/…"),
            ("s3://bots/main?secret=KEY", "s3://bots/main?…"),
            ("s3://bots?secret=KEY", "s3://bots?…"),
            ("gs://bots/main#KEY", "gs://bots/main?…"),
            ("abs://KEY@account/bots/main", "abs://…@account/bots/main"),
            ("sftp://KEY:KEY@host:22/path", "sftp://…@host:22/path"),
            ("file:///mnt/replica", "file:///mnt/replica"),
        ] {
            assert_eq!(endpoint_without_key(endpoint), shown, "{endpoint}");
        }
    }

    #[test]
    fn texts_lose_the_addresses_and_keys_that_they_quote() {
        let endpoint =
            "https://user:password@SUBDOMAIN.eth.example.com/v2/0123456789abcdef?token=letmein";
        for (text, shown) in [
            ("nothing", "nothing"),
            (
                "see \"https://a.b.example.com/KEY\", or not",
                "see \"https://….example.com/…\", or not",
            ),
            ("é://é", "é…/…"),
            ("key 0123456789ABCDEF is wrong", "key … is wrong"),
            ("subdomain.eth.example.com: letmein", "….eth.example.com: …"),
            ("POST /v2/0123456789abcdef?token=letmein", "POST …"),
            ("user:password", "…"),
        ] {
            assert_eq!(text_without_keys(text, endpoint), shown, "{text}");
        }
        assert_eq!(text_without_keys("any text", ""), "any text");
    }

    proptest! {
        #[test]
        fn no_word_of_the_hidden_parts_is_shown(
            scheme in "(https?://|wss:/|HTTP:|)",
            user in "(SECRET:SECRET@|SECRET@|)",
            labels in "(SECRET[.]){0,3}",
            port in "(:8545|:SECRET|)",
            path in "(/v2/SECRET|[?]key=SECRET|#SECRET|/a@SECRET|)",
        ) {
            let endpoint = format!("{scheme}{user}{labels}node.example{port}{path}");
            let shown = endpoint_without_key(&endpoint);
            prop_assert!(!shown.contains("SECRET"), "{endpoint}: {shown}");
            let text = text_without_keys(&format!("at {endpoint}"), &endpoint);
            prop_assert!(!text.contains("SECRET"), "{endpoint}: {text}");
        }

        #[test]
        fn any_text_can_be_shown(text in any::<String>(), endpoint in any::<String>()) {
            let _ = endpoint_without_key(&text);
            let _ = text_without_keys(&text, &endpoint);
        }
    }
}
