//! The calls that the sandbox answers.

/// One documented call of API 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Endpoint {
    Discover,
    Login,
    Account,
    Siem,
    Audit,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 5] = [
        Self::Discover,
        Self::Login,
        Self::Account,
        Self::Siem,
        Self::Audit,
    ];

    /// The path, which is also what gets signed.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Discover => "/api/login/discover-authentication",
            Self::Login => "/api/login/login",
            Self::Account => "/api/account/get-account",
            Self::Siem => "/api/audit/get-siem-logs",
            Self::Audit => "/api/audit/get-audit-events",
        }
    }

    /// The call behind a request target; a query string makes it another target.
    pub(crate) fn of(target: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == target)
    }

    /// Whether the call carries a signature; the two that lead to the keys cannot.
    pub(crate) const fn is_signed(self) -> bool {
        !matches!(self, Self::Discover | Self::Login)
    }
}
