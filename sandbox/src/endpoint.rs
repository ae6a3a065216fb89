//! The calls that the sandbox answers.

/// One documented call, of either generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// API 1.0: which log-ins the user may use, and where the region's API is.
    Discover,
    /// API 1.0: a password against the keys that sign.
    Login,
    /// Both: whose account this is.
    Account,
    /// API 1.0: the next archive of e-mail logs.
    Siem,
    /// Both: a page of audit events.
    Audit,
    /// API 2.0: the client's credentials against a token.
    Token,
    /// API 2.0: the list of a type's objects, Cloud Gateway.
    Events,
    /// The same for Cloud Integrated.
    EventsCi,
    /// API 2.0: a listed object, from the store.
    Object,
}

impl Endpoint {
    /// Each once, those of API 1.0 first.
    pub const ALL: [Self; 9] = [
        Self::Discover,
        Self::Login,
        Self::Account,
        Self::Siem,
        Self::Audit,
        Self::Token,
        Self::Events,
        Self::EventsCi,
        Self::Object,
    ];

    /// The path, which is also what gets signed under API 1.0; of an object, what its path begins with.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Discover => "/api/login/discover-authentication",
            Self::Login => "/api/login/login",
            Self::Account => "/api/account/get-account",
            Self::Siem => "/api/audit/get-siem-logs",
            Self::Audit => "/api/audit/get-audit-events",
            Self::Token => "/oauth/token",
            Self::Events => "/siem/v1/batch/events/cg",
            Self::EventsCi => "/siem/v1/batch/events/ci",
            Self::Object => "/objects/",
        }
    }

    /// The call behind a request target; where none is documented, a query string makes it another target.
    pub fn of(target: &str) -> Option<Self> {
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        Self::ALL.into_iter().find(|endpoint| match endpoint {
            Self::Object => path.starts_with(endpoint.path()),
            Self::Events | Self::EventsCi => path == endpoint.path(),
            _ => target == endpoint.path(),
        })
    }

    /// The one method that the call knows.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Events | Self::EventsCi | Self::Object => "GET",
            _ => "POST",
        }
    }

    /// Whether the call carries a signature under API 1.0; the two that lead to the keys cannot.
    pub(crate) const fn is_signed(self) -> bool {
        !matches!(self, Self::Discover | Self::Login)
    }
}
