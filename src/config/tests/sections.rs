//! Tests of sections: unknown ones, and values in their place.

use super::*;

#[test]
fn that_are_unknown_are_refused_with_the_nearest_one() {
    assert_eq!(
        refusal("[retension]\n"),
        "config.toml line 3: unknown section \"retension\": did you mean \"retention\"?"
    );
    assert_eq!(
        refusal("[[output]]\n"),
        "config.toml line 3: unknown section \"output\""
    );
}

#[test]
fn are_neither_values_nor_lists() {
    let expected = "audit is a section: expected [audit] on its own line";
    assert_eq!(
        refusal("[[audit]]\n"),
        format!("config.toml line 3: {expected}")
    );
    assert_eq!(
        parse("audit = 1").unwrap_err().message,
        format!("config.toml line 1: {expected}")
    );
}
