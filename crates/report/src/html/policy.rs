//! The page's content security policy: nothing is loaded, nothing runs but what we wrote.

/// Hash of `style.css`, of `script.js`: base64 of SHA-256 (CSP level 3 §6.7.2.3). A test tells them when a file changes.
pub(super) const STYLE_HASH: &str = "sha256-4C92+fwFLVRilV3gbuQsYcviFa7TVyJoDLXBZCAVP1A=";
pub(super) const SCRIPT_HASH: &str = "sha256-MgXCiHuSdsZx/zQcr/PT5IjNwRq2ny29awGycwhLkeE=";

/// The policy. Pages with a base, forms, pictures or frames are none of ours.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
    )
}
