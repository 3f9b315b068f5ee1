//! Texts with what is in them, written by hand: what must be found, and what looks like it and must
//! not be.

use super::guard;

/// Each text as it should come out: what stands between `{` and `}` becomes the kind after `|`.
const FOUND: &[&str] = &[
    // E-mail addresses.
    "Write to {ann@example.com|EMAIL}, please.",
    "<{bob.smith+news@mail.example.co.uk|EMAIL}>",
    "mailto:{o'brien@example.ie|EMAIL}?subject=hi",
    "{\"email\":\"{x_1%y@sub-domain.example.org|EMAIL}\"}",
    "{jürgen.groß@münchen.de|EMAIL}",
    "{иван@пример.рф|EMAIL}",
    "请联系{zhang@example.cn|EMAIL}谢谢",
    "{ANN@EXAMPLE.COM|EMAIL} and {bob@example.com|EMAIL}",
    "at {ann@example.museum|EMAIL}...",
    "{a@xn--80ak6aa92e.xn--p1ai|EMAIL}",
    "'{ann@example.com|EMAIL}'",
    "ftp://user:{pass@host.example.com|EMAIL}/x",
    "{4111111111111111@example.com|EMAIL}",
    "{ann@10.example.com|EMAIL}",
    "- {ann@example.com|EMAIL}- ok",
    // Cards: test numbers of the networks.
    "card {4111 1111 1111 1111|CARD} exp 12/27",
    "{4111111111111111|CARD}",
    "{4242-4242-4242-4242|CARD}.",
    "{5555555555554444|CARD}, {2223003122003222|CARD}",
    "amex {378282246310005|CARD}, {3714 496353 98431|CARD}",
    "{30569309025904|CARD} {3852 0000 0232 37|CARD}",
    "{6011111111111117|CARD} / {6011000990139424|CARD}",
    "{3530111333300000|CARD}",
    "{6200000000000005|CARD}",
    "order 12 {4111 1111 1111 1111|CARD}",
    "{4111\u{a0}1111\u{a0}1111\u{a0}1111|CARD} ok",
    "卡号{4111111111111111|CARD}，谢谢",
    "{4222222222222|CARD}",
    "no:{4000056655665556|CARD};cvc:123",
    "{6759649826438453|CARD}",
    // Accounts: the examples of the registry.
    "IBAN {DE89 3704 0044 0532 0130 00|IBAN}",
    "{GB29NWBK60161331926819|IBAN}",
    "{gb82 west 1234 5698 7654 32|IBAN} please",
    "{FR1420041010050500013M02606|IBAN}",
    "({NL91ABNA0417164300|IBAN})",
    "{CH93 0076 2011 6238 5295 7|IBAN},",
    "{NO9386011117947|IBAN}",
    "{MT84MALT011000012345MTLCAST001S|IBAN}",
    "{ES91-2100-0418-4502-0005-1332|IBAN}",
    "IBAN:{AT611904300234573201|IBAN} BIC:BKAUATWW",
    // Telephones: numbers set aside for fiction, where there are any.
    "call {+49 30 23125 123|PHONE} now",
    "{+14155552671|PHONE}",
    "{+1 (415) 555-2671|PHONE}",
    "{+44 20 7946 0958|PHONE}",
    "tel:{+33-1-99-00-12-34|PHONE}",
    "{0044 20 7946 0958|PHONE}",
    "{(415) 555-2671|PHONE}",
    "{415-555-2671|PHONE} or {415.555.2671|PHONE}",
    "{1-800-555-0199|PHONE}",
    "{030 23125 123|PHONE}",
    "{020 7946 0958|PHONE}, {(020) 7946 0958|PHONE}",
    "{01 99 00 12 34|PHONE}",
    "{01.99.00.12.34|PHONE}",
    "{0171/1234567|PHONE}",
    "{06-12345678|PHONE}",
    "{0412 345 678|PHONE}",
    "{03-1234-5678|PHONE}",
    "{(11) 91234-5678|PHONE}",
    "{+49 (0)30 23125 123|PHONE}",
    "电话{+86 138 0013 8000|PHONE}。",
    "({+49) 30 1234567|PHONE} x",
    // Keys: made up, in the forms that their makers document.
    "sk: {sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x_Yz1|KEY}",
    "{sk-ant-api03-R2D2c3poBB8x9QwErTy_uIoP-AsDf|KEY}",
    "{sk-0123456789abcdef0123456789abcdef|KEY}",
    "{ghp_0123456789abcdefghij0123456789ABCDEF|KEY}",
    "token={github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz|KEY}&x=1",
    "{AKIAIOSFODNN7EXAMPLE|KEY}",
    "\"{ASIAIOSFODNN7EXAMPLE|KEY}\"",
    "{xoxb-123456789012-1234567890123-AbCdEfGhIj|KEY}",
    "{AIzaSyA1234567890abcdefghijklmnopqrstuv|KEY}",
    "{glpat-AbCdEfGhIjKlMnOpQrSt|KEY}",
    "{hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh|KEY}",
    "{pm-abcdefgh-234567abcdefghijklmnopqrstuvwxyz|KEY}",
    "Bearer {eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N|KEY}",
    "{-----BEGIN RSA PRIVATE KEY-----\nMIIE\n+/=\n-----END RSA PRIVATE KEY-----|KEY}\nend",
    "{-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl|KEY}",
    "{sk_live_0123456789abcdefABCDEF|KEY}",
    "OPENAI_API_KEY={sk-AbCdEfGhIj1234567890KlMnOpQrStUv|KEY}",
    // Addresses of the internet.
    "from {192.168.1.17|IP} to {10.0.0.1|IP}:8080",
    "http://{203.0.113.7|IP}/x",
    "{198.51.100.0|IP}/24",
    "[{2001:db8::8a2e:370:7334|IP}]:443",
    "{fe80::1|IP}, {2001:db8:0:0:0:0:2:1|IP}.",
    "ping {::ffff:192.0.2.128|IP}",
    "{10.0.0.1|IP}-{10.0.0.9|IP}",
    "服务器{203.0.113.9|IP}。",
];

/// What must stay.
const PLAIN: &[&str] = &[
    // Not e-mail.
    "@ann see @bob and a@b",
    "npm i @types/node@18.0.0 left-pad@1.3.0",
    "icon@2x.png, logo@3x.webp",
    "@app.route('/x') def f(): pass",
    "root@localhost:~# ls",
    "5 @ 3.50 each, or 2@1.20",
    "user @ example . com",
    "a@.com and @example.com",
    "git checkout HEAD@{1}",
    "x@y.z",
    // Not cards.
    "4111 1111 1111 1112",
    "4111111111111112",
    "1234567890123456",
    "order 1111222233334444",
    "1700000000000 and 1700000000000000000",
    "pi is 3.14159265358979323846",
    "0.4111111111111111",
    "x4111111111111111 id",
    "4111 11 11 1111 1111 11",
    "550e8400-e29b-41d4-a716-446655440000",
    "7fffffffffffffff 9223372036854775807",
    "EAN 4006381333931, ISBN 978-3-16-148410-0",
    "41111111111111110000",
    "4111 1111",
    // Not accounts.
    "DE89 3704 0044 0532 0130 01",
    "GB29NWBK60161331926818",
    "DE89 and GB29 NWBK",
    "XX89370400440532013000",
    "ABDE89370400440532013000",
    "DE8937040044053201300000",
    "model GT3000 AB12 CD34 EF56",
    // Not telephones.
    "on 2024-01-15 at 10:30:00",
    "31.12.2024 or 01.02.2024, 12/31/2024, 01/02/2024",
    "01-02-2024 10:11",
    "2026-11-26T07:45:00+0100",
    "version 2.10.300 and 1.2.3",
    "order 12345678, ticket #4155552671",
    "1,234,567.89 USD and 1 234 567",
    "pages 123-456 and 2019-2024",
    "UTC+2, x+12345678, +5 points",
    "10 000 000 people, 0.123 456 789",
    "SSN 123-45-6789",
    "f(0171, 22) + g(415)",
    "12-345-678 items",
    "0123456789",
    "(2019) 569-575",
    "0 1 2 3 4 5 6 7 8 9",
    "c3d4-0123-4567-8901-ab",
    // Not keys.
    "a sk-learn pipeline with sk-fading-circle and task-runner",
    "<div class=\"sk-cube-grid sk-loading-container-large-2\">",
    "desk-0123456789abcdef0123456789abcdef",
    "hf_model_name and hf_hub_download",
    "ghp_short, AKIA, AKIASHORT, AIzaShort",
    "AKIAIOSFODNN7EXAMPLEXYZ",
    "3pm-4pm, pm-tomorrow-morning",
    "eyJ is how an object begins in base64: eyJhIjoxfQ==",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
    "--- a title ---\n----------",
    "xoxo-love, xoxb-",
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    // Not addresses of the internet.
    "version 1.2.3.4.5 of it",
    "v1.2.3.4 and 1.2.3.4-beta",
    "1.2.3 and 256.1.1.1 and 1.2.3.400",
    "127.0.0.1:8080, 0.0.0.0, ::1, [::]:80",
    "01.02.03.04",
    "std::fs::File, a::b, Bad::Face, dead::beef",
    "x[1::2], x[::2], x[::-1]",
    "12:30:45 and 1:2:3",
    "00:1A:2B:3C:4D:5E",
    "section 1.1.1.1.1",
];

/// A text of `FOUND`, as it is and as it should come out.
fn read(marked: &str) -> (String, String) {
    let (mut text, mut wanted) = (String::new(), String::new());
    let mut rest = marked;
    while let Some((before, (found, kind, after))) = first_mark(rest) {
        text += &format!("{before}{found}");
        wanted += &format!("{before}[{kind}]");
        rest = after;
    }
    (text + rest, wanted + rest)
}

/// What stands before the first mark; what it marks, as what, and what follows.
fn first_mark(text: &str) -> Option<(&str, (&str, &str, &str))> {
    let bar = text.find('|')?;
    let open = text[..bar].rfind('{')?;
    let close = bar + text[bar..].find('}')?;
    let found = &text[open + 1..bar];
    Some((
        &text[..open],
        (found, &text[bar + 1..close], &text[close + 1..]),
    ))
}

#[test]
fn what_is_there_is_found() {
    let guard = guard();
    let missed: Vec<_> = FOUND
        .iter()
        .map(|marked| read(marked))
        .filter(|(text, wanted)| guard.redact(text).text != *wanted)
        .map(|(text, wanted)| format!("{wanted:?}, not {:?}", guard.redact(&text).text))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_looks_like_it_stays() {
    let guard = guard();
    let wrong: Vec<_> = PLAIN
        .iter()
        .map(|text| (guard.redact(text).text, text))
        .filter(|(out, text)| out != *text)
        .map(|(out, text)| format!("{text:?} became {out:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
