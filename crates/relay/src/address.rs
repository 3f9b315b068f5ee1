//! Where a back end may be: a public address by https, or one that the settings allow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// The address that a dialect's paths are appended to, such as `https://api.example.com/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
    reach: Reach,
}

/// Which addresses a name may resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of the public internet.
    Public,
    /// This machine.
    Loopback,
    /// Any, since the settings say so: a back end in the own network.
    Any,
}

/// A base URL that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no URL.
    #[error("`{0}` is no URL; expected something like https://api.example.com/v1")]
    NotUrl(String),
    /// It has parts that a base URL has not.
    #[error("`{0}` must be a base URL: no user, no query")]
    Parts(String),
    /// Keys and prompts would be sent in the clear.
    #[error(
        "`{0}` would be called in the clear; https is needed, or allow_private = true for a back end in your own network"
    )]
    InTheClear(String),
    /// It points into the own network.
    #[error("`{0}` is a private address; allow_private = true permits that")]
    Private(String),
}

impl BaseUrl {
    /// Reads a base URL. Without `allow_private` it is https on a public address, or on this machine
    /// by either scheme.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, BadAddress> {
        let text = text.trim_end_matches('/').to_owned();
        let uri: Uri = text.parse().map_err(|_| BadAddress::NotUrl(text.clone()))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(BadAddress::NotUrl(text));
        };
        if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(BadAddress::Parts(text));
        }
        let host = authority.host().trim_matches(['[', ']']).to_lowercase();
        let reach = reach(&host, allow_private).ok_or_else(|| BadAddress::Private(text.clone()))?;
        match scheme {
            scheme if *scheme == Scheme::HTTPS => {}
            scheme if *scheme == Scheme::HTTP && reach != Reach::Public => {}
            scheme if *scheme == Scheme::HTTP => return Err(BadAddress::InTheClear(text)),
            _ => return Err(BadAddress::NotUrl(text)),
        }
        Ok(Self { text, host, reach })
    }

    /// The URL of a path that begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Uri {
        let joined = format!("{}{path}", self.text);
        joined.parse().expect("a base URL and a path are a URL")
    }

    /// Its host, for settings and errors of the operator; never for callers.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port; that of its scheme where it names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        let usual = if self.text.starts_with("http:") {
            80
        } else {
            443
        };
        let uri = self.text.parse::<Uri>().ok();
        uri.and_then(|uri| uri.port_u16()).unwrap_or(usual)
    }

    /// Which addresses its name may resolve to.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}

/// The reach of a host; `None` where it is an address that is not allowed.
fn reach(host: &str, allow_private: bool) -> Option<Reach> {
    let address: Option<IpAddr> = host.parse().ok();
    match address {
        _ if host == "localhost" || host.ends_with(".localhost") => Some(Reach::Loopback),
        Some(address) if address.to_canonical().is_loopback() => Some(Reach::Loopback),
        _ if allow_private => Some(Reach::Any),
        Some(address) if !is_public(address) => None,
        _ => Some(Reach::Public),
    }
}

impl Reach {
    /// Whether a name may resolve to this address.
    pub(crate) fn includes(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => address.to_canonical().is_loopback(),
            Self::Public => is_public(address),
        }
    }
}

/// Whether an address is on the public internet (the registries of special-purpose addresses, RFC
/// 6890 and its successors).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    let is_protocol = a == 192 && b == 0 && c == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || is_shared
        || is_benchmark
        || is_protocol
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // NAT64 and 6to4 carry an IPv4 address that must be public itself.
    let carried = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    };
    let is_documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    // Only 2000::/3 is given out to anybody; NAT64's prefix is beside it.
    let is_global = segments[0] & 0xe000 == 0x2000 && !is_documentation;
    carried.map_or(is_global, is_public_v4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Reach, BadAddress> {
        BaseUrl::parse(text, false).map(|url| url.reach())
    }

    #[test]
    fn public_names_need_https() {
        assert_eq!(parsed("https://api.example.com/v1/"), Ok(Reach::Public));
        assert!(matches!(
            parsed("http://api.example.com/v1"),
            Err(BadAddress::InTheClear(_))
        ));
    }

    #[test]
    fn this_machine_may_be_called_in_the_clear() {
        for text in [
            "http://127.0.0.1:4010/v1",
            "http://localhost:1/v1",
            "http://[::1]:8/v1",
        ] {
            assert_eq!(parsed(text), Ok(Reach::Loopback), "{text}");
        }
    }

    #[test]
    fn private_addresses_need_leave() {
        for host in [
            "10.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "100.64.0.1",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "0.0.0.0",
        ] {
            let text = format!("https://{host}/v1");
            assert!(
                matches!(parsed(&text), Err(BadAddress::Private(_))),
                "{text}"
            );
            let allowed = BaseUrl::parse(&text.replace("https", "http"), true).unwrap();
            assert_eq!(allowed.reach(), Reach::Any);
        }
    }

    #[test]
    fn names_are_checked_when_they_are_resolved() {
        let metadata = "169.254.169.254".parse().unwrap();
        assert!(!Reach::Public.includes(metadata) && !Reach::Loopback.includes(metadata));
        assert!(Reach::Public.includes("2606:4700::1111".parse().unwrap()));
        assert!(Reach::Public.includes("1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in ["", "api.example.com", "ftp://example.com/v1", "https://"] {
            assert!(
                matches!(parsed(text), Err(BadAddress::NotUrl(_))),
                "{text:?}"
            );
        }
        for text in [
            "https://user:key@example.com/v1",
            "https://example.com/v1?key=1",
        ] {
            assert!(matches!(parsed(text), Err(BadAddress::Parts(_))), "{text}");
        }
    }

    #[test]
    fn paths_are_appended() {
        let url = BaseUrl::parse("https://example.com/v1/", false).unwrap();
        assert_eq!(url.join("/messages"), "https://example.com/v1/messages");
    }
}
