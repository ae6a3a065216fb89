//! The one application that may ask for tokens.

/// What a console shows once for an API 2.0 application. Both values are invented.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Sent for each token.
    pub client_id: &'static str,
    /// The same; for nothing else.
    pub client_secret: &'static str,
}

impl Client {
    /// The secret holds what breaks a form that was glued together: `&` and `=` end a value, `+` reads as a space, `%20`
    /// as one too, and `/` is what some encoders leave alone and others do not.
    pub const SYNTHETIC: Self = Self {
        client_id: "canary0client0id00Ca9A27ca9A2sandbox00000000",
        client_secret: "canary+client&secret=5d41/f0c2%20Rehearsal%2F==",
    };

    /// The secret as it travels in a correct form: it must not be found anywhere else either.
    pub fn encoded_secret(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        let encoded = self.client_secret.bytes().map(|byte| match byte {
            _ if plain(byte) => char::from(byte).to_string(),
            b'-' | b'.' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        });
        encoded.collect()
    }
}
