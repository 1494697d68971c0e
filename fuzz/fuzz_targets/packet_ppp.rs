//! PPP frames of a link: LCP, PAP, CHAP, EAP, CCP, IPCP.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::Content;

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| Content::Ppp(bytes, Some(from_client)));
});
