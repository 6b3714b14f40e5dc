//! Decoding of the config file's bytes.

use std::path::Path;

use crate::settings::error::SettingsError;

/// The marks at the beginning of other encodings. That of UTF-32 begins with that of UTF-16.
const MARKS: [(&[u8], &str); 4] = [
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// The text, without the mark that some editors put before UTF-8.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, SettingsError> {
    let wrong = |encoding, detail| SettingsError::Encoding {
        path: path.to_owned(),
        encoding,
        detail,
    };
    for (mark, encoding) in MARKS {
        if bytes.starts_with(mark) {
            return Err(wrong(
                encoding,
                format!("it begins as a {encoding} text does"),
            ));
        }
    }
    // ASCII in UTF-16 is valid UTF-8, with a NUL in each character. NULs further behind, or nothing else, as a power cut
    // can leave a file, are for the parser to refuse.
    let mut begin = bytes.iter().take(16);
    let is_utf16 = begin.clone().any(|byte| *byte == 0) && begin.any(|byte| *byte != 0);
    if let Some(at) = bytes.iter().position(|byte| *byte == 0)
        && is_utf16
    {
        let encoding = if at % 2 == 0 { "UTF-16BE" } else { "UTF-16LE" };
        let line = line_of(&bytes, at);
        return Err(wrong(
            encoding,
            format!("line {line} has a NUL, as a UTF-16 text does"),
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(text) => text.to_owned(),
            None => text,
        }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let (line, byte) = (line_of(bytes, at), bytes.get(at).copied().unwrap_or(0));
            Err(wrong(
                "ISO-8859-1",
                format!("line {line} has the byte {byte:#04x}, as a Latin-1 text does"),
            ))
        }
    }
}

/// The line of a byte, counted from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_named() {
        let path = Path::new("config.toml");
        for (bytes, expected) in [
            (&b"\xff\xfea\0"[..], "it begins as a UTF-16 text does"),
            (b"\xfe\xff\0a", "it begins as a UTF-16 text does"),
            (b"\xff\xfe\0\0a\0\0\0", "it begins as a UTF-32 text does"),
            (b"a\0\n\0", "line 1 has a NUL, as a UTF-16 text does"),
            (
                b"a\nb = \"caf\xe9\"\n",
                "line 2 has the byte 0xe9, as a Latin-1 text does",
            ),
        ] {
            let error = decode(path, bytes.to_vec()).unwrap_err().to_string();
            assert_eq!(error, format!("config.toml is not UTF-8: {expected}"));
        }
        for bytes in [&b"a = 1234\nb = 5678\n\0"[..], &[0; 64]] {
            assert_eq!(decode(path, bytes.to_vec()).unwrap().as_bytes(), bytes);
        }
        let text = decode(path, b"\xef\xbb\xbfa = \"caf\xc3\xa9\"".to_vec());
        assert_eq!(text.unwrap(), "a = \"café\"");
    }
}
