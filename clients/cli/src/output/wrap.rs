//! Sentences over several lines.

use super::shown;

/// A text in lines of at most so many characters, broken between words; a word that is longer has
/// a line of its own. Every character is visible.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = shown(text);
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let more = word.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + more <= width => {
                line.push(' ');
                line.push_str(word);
                length += 1 + more;
            }
            _ => {
                lines.push(word.to_owned());
                length = more;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_a_long_word_stays_whole() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("a https://long.example.com b", 6),
            ["a", "https://long.example.com", "b"]
        );
        assert_eq!(wrapped("a\u{1b}[2J", 20), ["a\\u{1b}[2J"]);
        assert!(wrapped("", 5).is_empty());
    }
}
