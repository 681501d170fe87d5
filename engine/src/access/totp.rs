//! Codes by the time: RFC 6238 over RFC 4226, with what every app takes: HMAC-SHA-1, six digits, thirty seconds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etiqa_model::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use qrcode::QrCode;
use qrcode::render::svg;
use sha1::Sha1;

/// Bytes of a secret: as long as the hash (RFC 4226, 4, R6).
pub(super) const SECRET_BYTES: usize = 20;
const STEP_MS: i64 = 30_000;
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;
/// Steps that a clock may be off by, either way (RFC 6238, 5.2 and 6).
const SKEW: i64 = 1;
const ISSUER: &str = "Etiqa";

/// The step whose code this is, if it is one of now or of a step beside it.
pub(super) fn step_of_code(secret: &[u8], code: &str, at: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let code: u32 = digits.parse().ok()?;
    let now = at.millis().div_euclid(STEP_MS);
    (now - SKEW..=now + SKEW).find(|step| code_of_step(secret, *step) == Some(code))
}

fn code_of_step(secret: &[u8], step: i64) -> Option<u32> {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let hash = hash.as_slice();
    // Dynamic truncation (RFC 4226, 5.3).
    let offset = usize::from(hash.last()? & 0xf);
    let bytes: [u8; 4] = hash.get(offset..offset + 4)?.try_into().ok()?;
    Some((u32::from_be_bytes(bytes) & 0x7fff_ffff) % CODES)
}

/// Base32 without padding (RFC 4648, 6): what apps take a secret in.
pub(super) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = bytes.chunks(5).flat_map(|chunk| {
        let bits = chunk
            .iter()
            .enumerate()
            .fold(0_u64, |bits, (at, byte)| bits | (u64::from(*byte) << (32 - 8 * at)));
        let count = (chunk.len() * 8).div_ceil(5);
        (0..count).map(move |at| char::from(ALPHABET[((bits >> (35 - 5 * at)) & 31) as usize]))
    });
    letters.collect()
}

/// The secret as a QR code: a `data:` URL of an SVG, which the pages' policy allows and which has no style in it. The address
/// in it is the one that Google Authenticator brought in and every app reads (its Key URI Format).
pub(super) fn qr_code(secret: &[u8], user: &str) -> Option<String> {
    let address = format!(
        "otpauth://totp/{ISSUER}:{}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={}",
        percent_encoded(user),
        base32(secret),
        STEP_MS / 1000
    );
    let svg = QrCode::new(address).ok()?.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 6238, appendix B, of which six digits are asked for here.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let at = Timestamp(seconds * 1000);
            assert_eq!(step_of_code(secret, code, at), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_no_more() {
        let secret = b"12345678901234567890";
        let off_by = |seconds: i64| step_of_code(secret, "287 082", Timestamp((59 + seconds) * 1000));
        assert_eq!([off_by(-30), off_by(0), off_by(30)], [Some(1); 3]);
        assert_eq!([off_by(-60), off_by(60)], [None; 2]);
        for wrong in ["", "28708", "2870822", "287o82", "+87082"] {
            assert_eq!(step_of_code(secret, wrong, Timestamp(59_000)), None, "{wrong}");
        }
    }

    /// The vectors of RFC 4648, 10, without their padding.
    #[test]
    fn base32_is_that_of_the_standard() {
        for (plain, encoded) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ")]
        {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
        assert_eq!((base32(b"fooba"), base32(b"foobar")), ("MZXW6YTB".into(), "MZXW6YTBOI".into()));
    }

    #[test]
    fn a_qr_code_is_a_picture_without_style() {
        let url = qr_code(&[7; SECRET_BYTES], "ada&co").unwrap();
        let svg = STANDARD.decode(url.strip_prefix("data:image/svg+xml;base64,").unwrap()).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        assert!(svg.contains("<svg ") && !svg.contains("style"), "{svg}");
    }
}
