use super::take::Slot;
use super::{Values, codes, number, pairs_of};
use crate::template::{Caught, Fields};

fn taken<'a>(key: &'static str, what: &'static str, values: &'a [(&'a [u8], &'a [u8])]) -> Fields<'a> {
    let mut caught = Fields::new();
    if let Ok(slot) = Slot::compile(key, what) {
        slot.take(&Values { values }, &mut caught);
    }
    caught
}

fn text<'a>(fields: &Fields<'a>) -> Option<Vec<u8>> {
    match fields.first().map(|(_, value)| value) {
        Some(Caught::Text(text)) => Some(text.to_vec()),
        Some(Caught::Bytes(text)) => Some(text.to_vec()),
        Some(Caught::Ip(address)) => Some(address.to_string().into_bytes()),
        _ => None,
    }
}

#[test]
fn numbers_are_decimal_or_hexadecimal_and_have_no_sign() {
    let all = ["691", "0x2B3", "0xc000006a", "", "+5", "-5", "0x", "5x", "4294967296"];
    let want = [
        Some(691),
        Some(691),
        Some(0xc000_006a),
        None,
        None,
        None,
        None,
        None,
        None,
    ];
    assert_eq!(all.map(|text| number(text.as_bytes())), want);
}

#[test]
fn the_binary_part_is_little_endian_and_nought_is_no_code() {
    assert_eq!(codes::value("Binary", b"b3020000"), Some(691));
    assert_eq!(codes::value("Binary", b"2C030000ffff"), Some(812));
    assert_eq!(codes::value("Binary", b"00000000"), None);
    assert_eq!(codes::value("Binary", b"b302"), None);
    assert_eq!(codes::value("Binary", b"+302zz00"), None);
    assert_eq!(codes::value("4", b"0x10"), Some(16));
    assert_eq!(codes::value("Status", b"%%2313"), None);
}

#[test]
fn what_windows_does_not_say_is_absent() {
    for value in ["-", ""] {
        assert!(taken("IpAddress", "client_ip", &[(b"IpAddress", value.as_bytes())]).is_empty());
        assert!(taken("TargetUserName", "user", &[(b"TargetUserName", value.as_bytes())]).is_empty());
    }
    let mapped = taken("IpAddress", "client_ip", &[(b"IpAddress", b"::ffff:203.0.113.7")]);
    assert_eq!(text(&mapped).as_deref(), Some(&b"203.0.113.7"[..]));
    // a telephone number or a MAC address is no address
    assert!(taken("X", "claimed_ip", &[(b"X", b"00-00-5e-00-53-01")]).is_empty());
}

#[test]
fn placeholders_are_nobody_and_no_connection() {
    for value in ["<Unauthenticated User>", "<Nicht authentifizierter Benutzer>"] {
        assert!(taken("2", "user:somebody", &[(b"2", value.as_bytes())]).is_empty());
    }
    let named = taken("2", "user:somebody", &[(b"2", b"CORP\\anna")]);
    assert_eq!(text(&named).as_deref(), Some(&b"CORP\\anna"[..]));
    let guid = b"{00000000-1111-2222-3333-444444444444}";
    assert_eq!(
        text(&taken("0", "connection:guid", &[(b"0", guid)])).as_deref(),
        Some(&guid[..])
    );
    for value in [
        "{NA}",
        "{00000000-1111-2222-3333-44444444444}",
        "{00000000x1111-2222-3333-444444444444}",
    ] {
        assert!(taken("0", "connection:guid", &[(b"0", value.as_bytes())]).is_empty());
    }
}

#[test]
fn a_value_is_the_first_field_that_it_fits() {
    let of = |value: &'static str| {
        let values: [(&[u8], &[u8]); 1] = [(b"0", value.as_bytes())];
        let fields = taken("0", "connection:guid, client_ip, interface:port", &values);
        fields.first().map(|(field, _)| field.word())
    };
    assert_eq!(of("{00000000-1111-2222-3333-444444444444}"), Some("connection"));
    assert_eq!(of("203.0.113.7"), Some("client_ip"));
    assert_eq!(of("VPN2-1"), Some("interface"));
    assert_eq!(of("{NA}"), None);
    for wrong in ["users", "user:giud", "user,"] {
        assert!(Slot::compile("0", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_tunnel_is_told_in_any_language() {
    for value in ["WAN Miniport (PPTP)", "WAN-Miniport (PPTP)", "WAN ミニポート (PPTP)"] {
        let values: [(&[u8], &[u8]); 1] = [(b"13", value.as_bytes())];
        assert_eq!(
            text(&taken("13", "protocol:tunnel", &values)).as_deref(),
            Some(&b"PPTP"[..])
        );
    }
    for value in ["PPTP", "WAN Miniport ()", "(a b)", "PPTP)"] {
        assert!(taken("13", "protocol:tunnel", &[(b"13", value.as_bytes())]).is_empty());
    }
}

#[test]
fn session_ids_in_digits_are_read_only_where_they_are_text() {
    let of = |value: &'static str| text(&taken("A", "accounting_id:hex-text", &[(b"A", value.as_bytes())]));
    assert_eq!(of("35343761").as_deref(), Some(&b"547a"[..]));
    assert_eq!(of("0001").as_deref(), Some(&b"0001"[..]));
    assert_eq!(of("353").as_deref(), Some(&b"353"[..]));
    assert_eq!(of("S-42").as_deref(), Some(&b"S-42"[..]));
}

#[test]
fn a_packet_has_its_client_at_the_far_end() {
    let values = |direction: &'static [u8]| {
        [
            (&b"Direction"[..], direction),
            (b"SourceAddress", b"203.0.113.7"),
            (b"DestAddress", b"198.51.100.1"),
        ]
    };
    let field = |direction| {
        let values = values(direction);
        taken("SourceAddress", "address:sender", &values)
            .first()
            .map(|(field, _)| field.word())
    };
    assert_eq!(field(b"%%14592"), Some("client_ip"));
    assert_eq!(field(b"%%14593"), Some("server_ip"));
    assert_eq!(field(b"Eingehend"), Some("address"));
}

#[test]
fn example_lines_are_cut_by_their_grammar() {
    let line = r#"20271 RemoteAccess: 0={NA} 1="anna b" 3="" Binary=b3020000"#;
    let Some((provider, pairs)) = pairs_of(line) else {
        panic!("not read: {line}")
    };
    assert_eq!(provider, "RemoteAccess");
    let want: Vec<(&[u8], &[u8])> = vec![
        (b"System/EventID", b"20271"),
        (b"0", b"{NA}"),
        (b"1", b"anna b"),
        (b"3", b""),
        (b"Binary", b"b3020000"),
    ];
    assert_eq!(pairs, want);
    for line in [
        "20271",
        r#"20271: 1="anna"#,
        r#"20271: 1="anna"x 2=3"#,
        "20271: a b=3",
        "20271: =3",
    ] {
        assert!(pairs_of(line).is_none(), "{line}");
    }
}
