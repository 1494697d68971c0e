//! A user's own dialect file: a vendor that tunlog does not know is one new file, and mistakes are told with their line.

use tunlog_decode::{Catalogue, check};
use tunlog_model::AppFilter;

use crate::door::understood;

/// A vendor of our own making.
const ACME: &str = r#"name = "acme"
apps = ["acme-vpnd"]
role = "pptp"

[[message]]
id       = "login-refused"
template = 'Login of <user:name> from <client_ip:ip>:<client_port:int> refused after <duration_s:seconds> s (code <code:int>)'
severity = "warning"
layer    = "auth"
event    = "auth-failed"
set      = { auth_method = "ms-chap-v2" }
blames   = "wrong-credentials"
meaning  = "The name or the password was refused."
cause    = "A mistyped password."
action   = "Compare name and password."

[[message.example]]
line   = 'Login of anna from 192.0.2.7:1723 refused after 0.5 s (code 691)'
from   = "documented"
fields = { user = "anna", client_ip = "192.0.2.7", client_port = 1723, duration_s = 0.5, code = 691, auth_method = "ms-chap-v2" }
"#;

fn with(text: &str) -> Result<Catalogue, Vec<String>> {
    let (catalogue, problems) = Catalogue::with_user_dialects(&[("acme.toml".into(), text.into())]);
    if problems.is_empty() {
        Ok(catalogue)
    } else {
        Err(problems)
    }
}

#[test]
fn a_new_vendor_is_one_new_file() {
    let catalogue = with(ACME).expect("the file is sound");
    assert!(catalogue.wants(b"acme-vpnd"));
    let line = "Login of x from 6.6.6.6:1 refused after 1 s (code 1) from 192.0.2.9:2 refused after 1.5 s (code 691)";
    let want = "acme/login-refused acme-vpnd[1] user=x from 6.6.6.6:1 refused after 1 s (code 1) client_ip=192.0.2.9 client_port=2 \
                duration_s=1.5 code=691 auth_method=ms-chap-v2";
    assert_eq!(understood(&catalogue, "acme-vpnd", line.as_bytes()), want);
    assert_eq!(
        understood(&catalogue, "acme-vpnd", b"never heard of"),
        "unknown acme never heard of"
    );
    assert_eq!(
        catalogue.explain_line(line.as_bytes()).map(|message| message.dialect),
        Some("acme")
    );
    assert_eq!(
        catalogue
            .message("acme/login-refused")
            .and_then(|message| message.blames),
        Some("wrong-credentials")
    );
    // the shipped dialects are still there
    assert!(understood(&catalogue, "pppd", b"Modem hangup").starts_with("pppd/modem-hangup"));
}

#[test]
fn a_users_message_says_better_what_a_shipped_one_says() {
    let own = ACME
        .replace("name = \"acme\"", "name = \"pppd\"")
        .replace("acme-vpnd", "pppd");
    let own = own
        .replace("role = \"pptp\"", "role = \"ppp\"")
        .replace("'Login of", "'Modem hangup: Login of");
    let catalogue = with(&own).expect("the file is sound");
    let line = "Modem hangup: Login of anna from 192.0.2.7:1723 refused after 0.5 s (code 691)";
    assert!(understood(&catalogue, "pppd", line.as_bytes()).starts_with("pppd/login-refused"));
    assert!(understood(&catalogue, "pppd", b"Modem hangup").starts_with("pppd/modem-hangup"));
}

/// (what stands in the file, what stands there instead, what is said of it)
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "<client_ip:ip>",
        "<clientip:ip>",
        "acme.toml:7: message `login-refused`: unknown field `clientip`\n  known: user, client_ip,",
    ),
    ("<client_ip:ip>", "<clientip:ip>", "\n  did you mean `client_ip`?"),
    (
        "<user:name>",
        "<user:nam>",
        "acme.toml:7: message `login-refused`: unknown type `nam`",
    ),
    (
        "<user:name> from <client_ip:ip>",
        "<user:name><client_ip:ip>",
        "acme.toml:7: message `login-refused`: two placeholders",
    ),
    (
        "<code:int>)'",
        "<code:int)'",
        "acme.toml:7: message `login-refused`: `<` without `>`",
    ),
    (
        "event    = \"auth-failed\"",
        "event    = \"auth-fail\"",
        "acme.toml:10: message `login-refused`: unknown event `auth-fail`\n",
    ),
    (
        "layer    = \"auth\"",
        "layer    = \"aut\"",
        "acme.toml:9: message `login-refused`: unknown layer `aut`\n",
    ),
    (
        "severity = \"warning\"",
        "severity = \"bad\"",
        "acme.toml:8: message `login-refused`: unknown severity `bad`",
    ),
    (
        "role = \"pptp\"",
        "role = \"pptpd\"",
        "acme.toml:3: unknown role `pptpd`",
    ),
    (
        "role = \"pptp\"",
        "roll = \"pptp\"",
        "acme.toml:3: unknown key `roll`\n  known: name, apps,",
    ),
    ("role = \"pptp\"", "roll = \"pptp\"", "\n  did you mean `role`?"),
    ("role = \"pptp\"", "role = \"pptp", "acme.toml:3: "),
    (
        "role = \"pptp\"",
        "shape = \"regex\"",
        "acme.toml:3: unknown shape `regex`",
    ),
    (
        "role = \"pptp\"",
        "unrecognised = \"no\"",
        "acme.toml:3: `unrecognised` is `unknown` or `noise`",
    ),
    ("apps = [\"acme-vpnd\"]", "apps = []", "acme.toml:2: no `apps`"),
    (
        "auth_method = \"ms-chap-v2\" }\nblames",
        "auth_method = \"magic\" }\nblames",
        "acme.toml:11: message `login-refused`: `magic` is no value",
    ),
    (
        "cause    = \"A mistyped password.\"\n",
        "",
        "acme.toml:5: message `login-refused`: `cause` is missing",
    ),
    (
        "blames   = \"wrong-credentials\"",
        "blames   = \"wrong-credential\"",
        "acme.toml:12: message `login-refused`: unknown cause `wrong-credential`\n",
    ),
    (
        "from   = \"documented\"",
        "from   = \"dreamt\"",
        "acme.toml:17: message `login-refused`: unknown `from` `dreamt`",
    ),
    (
        "code = 691,",
        "code = 692,",
        "acme.toml:17: message `login-refused`: the example extracts code = 691, its `fields` say 692",
    ),
    (
        "code = 691,",
        "",
        "acme.toml:17: message `login-refused`: the example extracts code = 691, which",
    ),
    (
        "code = 691,",
        "code = 691, cod = 1,",
        "acme.toml:17: message `login-refused`: unknown field `cod`",
    ),
    (
        "line   = 'Login",
        "line   = 'Logout",
        "acme.toml:17: message `login-refused`: the example is not recognised:\n  Logout of anna from 192.0.2.7:1723 \
         refused after 0.5 s (code 691)\n     ^ here should stand `in of `",
    ),
    (
        "line   = 'Login of anna from 192.0.2.7:",
        "line   = 'Login of änne from 192.0.2.777:",
        "not recognised:\n  Login of änne from 192.0.2.777:1723 refused after 0.5 s (code 691)\n                     \
         ^ here should stand `<client_ip:ip>:`",
    ),
    // of several templates the one that fits furthest
    (
        "template = 'Login of",
        "also = ['Refused <user:name>']\ntemplate = 'Login for",
        "\n        ^ here should stand `for `, of `Login for <user:name> from ",
    ),
    ("s (code 691)'", "s (code 691) again'", "^ here the template ends"),
    (
        "id       = \"login-refused\"",
        "id       = \"Login\"",
        "acme.toml:6: message `Login`: an id is of small letters",
    ),
    (
        "'Login of <user:name> from <client_ip:ip>:<client_port:int> refused after <duration_s:seconds> s (code <code:int>)'",
        "'<reason:rest>'",
        "acme.toml:7: message `login-refused`: `<reason:rest>` has no literal text",
    ),
];

#[test]
fn mistakes_are_told_with_their_line() {
    let mut wrong = Vec::new();
    for (right, mistake, want) in MISTAKES {
        assert!(ACME.contains(right), "{right}");
        let said = check("acme.toml", &ACME.replacen(right, mistake, 1)).join("\n");
        if !said.contains(want) {
            wrong.push(format!("{mistake}\n  wanted {want}\n  said   {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_with_a_mistake_is_not_used() {
    assert!(with(&ACME.replace("auth-failed", "auth-fail")).is_err());
    assert!(with("").is_err());
    assert!(with(&ACME[..ACME.len() / 2]).is_err());
}

#[test]
fn one_mistake_does_not_take_the_other_files_away() {
    let bad = ACME.replace("auth-failed", "auth-fail");
    let files = [
        ("bad.toml".to_owned(), bad.replace("\"acme\"", "\"bad\"")),
        ("acme.toml".into(), ACME.into()),
    ];
    let (catalogue, problems) = Catalogue::with_user_dialects(&files);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("bad.toml:10: "), "{problems:?}");
    assert!(catalogue.message("acme/login-refused").is_some());
    assert!(catalogue.message("bad/login-refused").is_none());
    assert!(catalogue.message("pppd/modem-hangup").is_some());
}

#[test]
fn two_messages_that_say_the_same_are_told() {
    let second = ACME[ACME.find("[[message]]").unwrap_or_default()..]
        .replace("login-refused", "login-denied")
        .replace("Login of", "Denied login of");
    let said = check("acme.toml", &format!("{ACME}{second}")).join("\n");
    assert!(
        said.contains("acme.toml:29: message `login-denied`: `meaning` and `action` are those of `login-refused`"),
        "{said}"
    );
    let twin = second.replace("[[message]]", "[[message]]\ntwin-of = \"login-refused\"");
    assert_eq!(check("acme.toml", &format!("{ACME}{twin}")), Vec::<String>::new());
    let lost = second.replace("[[message]]", "[[message]]\ntwin-of = \"nobody\"");
    let said = check("acme.toml", &format!("{ACME}{lost}")).join("\n");
    assert!(said.contains("`twin-of` names `nobody`, which is not here"), "{said}");
}

#[test]
fn a_message_that_a_twin_shadows_is_told() {
    let twin = ACME[ACME.find("[[message]]").unwrap_or_default()..]
        .replace("login-refused", "login-refused-too")
        .replace("was refused.", "was refused again.");
    let said = check("acme.toml", &format!("{ACME}{twin}")).join("\n");
    assert!(
        said.starts_with("acme.toml:33: message `login-refused-too`: the example decodes to `login-refused`"),
        "{said}"
    );
}

#[test]
fn a_name_that_is_taken_by_another_shape_is_refused() {
    let said = with(&ACME.replace("\"acme\"", "\"iptables\""))
        .expect_err("iptables is no dialect of templates")
        .join("\n");
    assert!(said.contains("give it a name of its own"), "{said}");
}
