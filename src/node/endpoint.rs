//! Addresses of nodes.

use std::fmt::{self, Debug, Display};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ureq::http::header::{HeaderName, HeaderValue};
use ureq::http::uri::Uri;

use crate::escape::escaped;
use crate::node::error::NodeError;
use crate::settings::endpoint::{endpoint_without_key, text_without_keys};

/// The address of a node: `http://`, `https://`, or the path of an IPC socket, with or without `ipc://`.
///
/// [`Display`] and [`Debug`] show it without its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address as it was given.
    address: String,
    place: Place,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An HTTP address, without a user.
    Http(Uri),
    /// A socket of this machine.
    Socket(PathBuf),
}

impl Endpoint {
    /// Reads an address. A path is taken as it is: `~` is for the caller to expand.
    ///
    /// # Errors
    ///
    /// [`NodeError::WebSocket`] for `ws://` and `wss://`, [`NodeError::Address`] for anything else that cannot be
    /// used.
    pub fn parse(address: &str) -> Result<Self, NodeError> {
        let address = address.trim();
        let invalid = |problem: String| NodeError::Address {
            endpoint: shown(address),
            problem,
        };
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None if address.is_empty() => return Err(invalid("it is empty".to_owned())),
            None if is_path(address) => (String::new(), address),
            None => {
                return Err(invalid(
                    "it has neither a scheme nor a path of a socket".to_owned(),
                ));
            }
        };
        match scheme.as_str() {
            "http" | "https" => Self::http(address, &scheme, rest),
            "" | "ipc" | "unix" | "file" if !rest.is_empty() => Ok(Self {
                address: address.to_owned(),
                place: Place::Socket(PathBuf::from(rest)),
                headers: Vec::new(),
            }),
            "" | "ipc" | "unix" | "file" => Err(invalid("it has no path".to_owned())),
            "ws" | "wss" => Err(NodeError::WebSocket {
                endpoint: shown(address),
                instead: if scheme == "ws" {
                    "http://"
                } else {
                    "https://"
                },
            }),
            // As options that name the chain take it.
            scheme if is_behind_chain(scheme) => Err(invalid(
                "here it stands alone, without CHAIN= in front of it".to_owned(),
            )),
            _ => Err(invalid(
                "its scheme is none of http, https and ipc".to_owned(),
            )),
        }
    }

    fn http(address: &str, scheme: &str, rest: &str) -> Result<Self, NodeError> {
        let invalid = |problem: &str| NodeError::Address {
            endpoint: shown(address),
            problem: problem.to_owned(),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let uri: Uri = format!("{scheme}://{place}{slash}{path}")
            .parse()
            .map_err(|_| invalid("it has characters that an address cannot have"))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(invalid("it has no host"));
        }
        if place.rsplit_once(':').is_some_and(|(_, port)| {
            !port.contains(']') && !port.is_empty() && port.parse::<u16>().is_err()
        }) {
            return Err(invalid("its port is not one"));
        }
        let mut endpoint = Self {
            address: address.to_owned(),
            place: Place::Http(uri),
            headers: Vec::new(),
        };
        if let Some(user) = user {
            let user = percent_decoded(user)
                .ok_or_else(|| invalid("the user and password in it are badly escaped"))?;
            endpoint =
                endpoint.with_header("authorization", &format!("Basic {}", base64(&user)))?;
        }
        Ok(endpoint)
    }

    /// Adds a header to every request, such as one with a key. Requests to a socket have no headers.
    ///
    /// # Errors
    ///
    /// [`NodeError::Address`] if HTTP does not allow the name or the value, or if the program sets the header itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, NodeError> {
        let invalid = |problem: &str| NodeError::Address {
            endpoint: shown(&self.address),
            problem: problem.to_owned(),
        };
        let name: HeaderName = name
            .parse()
            .map_err(|_| invalid("the name of a header is not valid"))?;
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| invalid("the value of a header is not valid"))?;
        if [
            "host",
            "content-length",
            "content-type",
            "transfer-encoding",
            "accept-encoding",
            "connection",
        ]
        .contains(&name.as_str())
        {
            return Err(invalid(&format!(
                "the header {name} is set by this program"
            )));
        }
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(self)
    }

    /// Whether keys and answers travel where others can read and change them: plain HTTP to a host that is neither
    /// this machine nor in a private network.
    #[must_use]
    pub fn is_cleartext(&self) -> bool {
        let Place::Http(uri) = &self.place else {
            return false;
        };
        if uri.scheme_str() != Some("http") {
            return false;
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => !(ip.is_loopback() || ip.is_private() || ip.is_link_local()),
            Ok(IpAddr::V6(ip)) => {
                !(ip.is_loopback()
                    || ip.is_unique_local()
                    || ip.is_unicast_link_local()
                    || ip
                        .to_ipv4_mapped()
                        .is_some_and(|ip| ip.is_loopback() || ip.is_private()))
            }
            // A name without a dot is one of the local network, or of a container.
            Err(_) => host.contains('.') && !host.to_ascii_lowercase().ends_with(".localhost"),
        }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// A text of the node, or about it, as it may be shown: without keys, on one line, and cut if it is long.
    pub(super) fn shown_text(&self, text: &str) -> String {
        /// Enough for the longest explanations of providers.
        const SHOWN: usize = 400;
        // A key that the cut divides would no longer be recognised, so the cut comes last. What is far behind it is
        // not looked at.
        let text = match text.char_indices().nth(16 * SHOWN) {
            Some((end, _)) => &text[..end],
            None => text,
        };
        let mut shown = text_without_keys(text.trim(), &self.address);
        for (_, value) in &self.headers {
            shown = without_header(&shown, value);
        }
        let shown = escaped(shown).to_string();
        match shown.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }
}

impl FromStr for Endpoint {
    type Err = NodeError;

    fn from_str(address: &str) -> Result<Self, Self::Err> {
        Self::parse(address)
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.address))
    }
}

impl Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&shown(&self.address), f)
    }
}

/// An address without its key, on one line.
fn shown(address: &str) -> String {
    escaped(endpoint_without_key(address)).to_string()
}

/// A text without the words of a header's value, which may be keys.
fn without_header(text: &str, value: &HeaderValue) -> String {
    /// What is shorter is no key, and may be part of any text.
    const KEY: usize = 6;
    let value = String::from_utf8_lossy(value.as_bytes());
    let mut shown = text.to_owned();
    for word in value.split_whitespace().filter(|word| word.len() >= KEY) {
        shown = shown.replace(word, "…");
    }
    shown
}

/// Whether the scheme of an address has a chain ID or the name of a chain in front of it.
fn is_behind_chain(scheme: &str) -> bool {
    scheme
        .split_once('=')
        .is_some_and(|(chain, _)| chain.chars().all(char::is_alphanumeric))
}

/// Whether an address without a scheme is a path.
fn is_path(address: &str) -> bool {
    let is_named = Path::new(address)
        .extension()
        .is_some_and(|end| end == "ipc" || end == "sock" || end == "socket");
    address.starts_with(['/', '.', '~']) || is_named
}

/// The bytes of a text with `%` escapes.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

/// Base64, which HTTP's basic authentication needs.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= chunk.len() {
                let value = (group >> (18 - 6 * digit)) & 63;
                text.push(char::from(ALPHABET[value as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_used_are_told_from_others() {
        for (address, place) in [
            ("http://localhost:8545", "http://localhost:8545/"),
            (
                " https://h.example/v2/KEY?a=b#c ",
                "https://h.example/v2/KEY?a=b",
            ),
            ("HTTPS://h.example?key=KEY", "https://h.example/?key=KEY"),
            ("http://user:p%40ss@[::1]:8545", "http://[::1]:8545/"),
        ] {
            let endpoint = Endpoint::parse(address).unwrap();
            let Place::Http(uri) = endpoint.place() else {
                panic!("{address}")
            };
            assert_eq!(uri.to_string(), place);
            assert!(!format!("{endpoint} {endpoint:?}").contains("KEY"));
        }
        for (address, path) in [
            ("/run/geth.ipc", "/run/geth.ipc"),
            ("ipc:///run/geth", "/run/geth"),
            ("unix://./geth.sock", "./geth.sock"),
            ("geth.ipc", "geth.ipc"),
        ] {
            let endpoint = Endpoint::parse(address).unwrap();
            assert_eq!(endpoint.place(), &Place::Socket(PathBuf::from(path)));
        }
        for address in [
            "",
            "h.example/v2/KEY",
            "http://",
            "http:///KEY",
            "http://h.example:KEY/",
            "http://h.example:99999/",
            "http://a b/KEY",
            "ftp://h.example/KEY",
            "ipc://",
            "http://KEY%zz@h.example",
        ] {
            let error = Endpoint::parse(address).unwrap_err();
            assert!(matches!(error, NodeError::Address { .. }), "{address}");
            assert!(!error.to_string().contains("KEY"), "{error}");
        }
        for (address, instead) in [("ws://h/KEY", "http://"), ("WSS://h/KEY", "https://")] {
            let error = Endpoint::parse(address).unwrap_err();
            assert!(error.hint().contains(instead), "{error}");
            assert!(!error.to_string().contains("KEY"), "{error}");
        }
    }

    #[test]
    fn user_and_password_become_a_header() {
        let endpoint = Endpoint::parse("http://user:p%40ss@h.example").unwrap();
        // printf user:p@ss | base64
        assert_eq!(endpoint.headers()[0].1, "Basic dXNlcjpwQHNz");
        for (text, encoded) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj")] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn plain_http_is_cleartext_beyond_private_networks() {
        for (address, is_cleartext) in [
            ("http://localhost:8545", false),
            ("http://geth:8545", false),
            ("http://127.0.0.1", false),
            ("http://192.168.1.5:8545", false),
            ("http://[::1]:8545", false),
            ("http://[fd00::1]", false),
            ("https://h.example", false),
            ("/run/geth.ipc", false),
            ("http://h.example", true),
            ("http://8.8.8.8", true),
            ("http://[2001:db8::1]", true),
        ] {
            let endpoint = Endpoint::parse(address).unwrap();
            assert_eq!(endpoint.is_cleartext(), is_cleartext, "{address}");
        }
    }

    #[test]
    fn texts_of_nodes_are_shown_without_keys_and_control_characters() {
        let endpoint = Endpoint::parse("https://h.example/v2/0123456789abcdef")
            .unwrap()
            .with_header("x-key", "letmeinplease")
            .unwrap();
        let shown = endpoint.shown_text("\u{1b}[2J 0123456789abcdef letmeinplease");
        assert_eq!(shown, "\\u{1b}[2J … …");
        assert!(endpoint.shown_text(&"x".repeat(1 << 20)).len() < 500);
    }

    #[test]
    fn headers_that_http_does_not_allow_are_refused() {
        for (name, value) in [("a b", "c"), ("a", "b\nc"), ("Host", "h"), ("", "v")] {
            let endpoint = Endpoint::parse("http://localhost").unwrap();
            assert!(endpoint.with_header(name, value).is_err(), "{name}");
        }
    }
}
