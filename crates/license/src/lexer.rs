//! From bytes to words: lines, continuation, comments, quotes, braces, character sets (flexnet-formats §1.1). May not
//! know what the words mean, with one exception: a host number `#123` on a `SERVER` line is not a comment.

use crate::problem::{Finding, Problems};

/// One word of a statement, quotes taken off and runs of white space made one blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Word {
    pub(crate) fn at(&self) -> (u32, u32) {
        (self.line, self.column)
    }
}

/// The words of one statement and where it stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawStatement {
    pub(crate) words: Vec<Word>,
    /// First byte of the first line.
    pub(crate) start: usize,
    /// Behind the last word: where an attribute can be added.
    pub(crate) words_end: usize,
    /// Behind the last line, its line end included.
    pub(crate) end: usize,
    /// A quote or brace was left open: the last word cannot be trusted.
    pub(crate) broken: bool,
}

/// The words that begin a statement.
pub(crate) const KEYWORDS: [&str; 11] = [
    "SERVER",
    "VENDOR",
    "DAEMON",
    "USE_SERVER",
    "FEATURE",
    "INCREMENT",
    "PACKAGE",
    "UPGRADE",
    "LICENSE",
    "KEY",
    "REVOKED",
];

/// One line of the file, decoded.
struct Line {
    number: u32,
    start: usize,
    end: usize,
    text: Vec<char>,
    utf8: bool,
}

impl Line {
    /// The byte behind the first `count` characters.
    fn byte_at(&self, count: usize) -> usize {
        let width = |c: &char| if self.utf8 { c.len_utf8() } else { 1 };
        self.start + self.text[..count].iter().map(width).sum::<usize>()
    }

    /// Whether only blanks are left from `i` on, or blanks and a comment.
    fn ends_at(&self, i: usize, in_quotes: bool) -> bool {
        let rest = self.text[i..].iter().find(|c| !c.is_whitespace());
        rest.is_none_or(|c| *c == '#' && !in_quotes)
    }

    fn is_blank_or_comment(&self) -> bool {
        self.ends_at(0, false)
    }

    /// The keyword that a line begins with, upper case only: how a forgotten line end is noticed.
    fn keyword(&self) -> Option<&'static str> {
        let word = self.text.iter().skip_while(|c| c.is_whitespace()).take_while(|c| !c.is_whitespace());
        let word: String = word.take(12).collect();
        KEYWORDS.into_iter().find(|keyword| *keyword == word)
    }
}

/// Splits a file into lines and decodes each: UTF-8 if it is UTF-8, Latin-1 otherwise. The line is the unit so that
/// one Latin-1 comment does not garble the UTF-8 names elsewhere.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u32,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
        let line_end = match rest.get(length..length + 2) {
            Some(b"\r\n") => 2,
            _ => usize::from(length < rest.len()),
        };
        self.at = start + length + line_end;
        self.number = self.number.saturating_add(1);
        let (text, utf8) = match std::str::from_utf8(&rest[..length]) {
            Ok(text) => (text.chars().collect(), true),
            Err(_) => (rest[..length].iter().map(|b| char::from(*b)).collect(), false),
        };
        Some(Line { number: self.number, start, end: self.at, text, utf8 })
    }
}

/// Reads statement after statement.
pub(crate) struct Lexer<'a> {
    lines: Lines<'a>,
    /// A line read too far: it begins the next statement.
    pushed_back: Option<Line>,
}

/// More words than any license line has; what is read twice over must stay short.
const MAX_WORDS: usize = 256;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where the words of the statement being read have got to.
struct Scan<'p> {
    raw: RawStatement,
    word: Option<Word>,
    /// Length of the word where the quoted or braced part began: no blank is kept there.
    content_start: usize,
    quote: Option<Quote>,
    /// Closing characters that open braces and parentheses wait for.
    braces: Vec<char>,
    /// A quote inside braces, which is part of the value.
    braced_quote: bool,
    /// The character of this line behind its last word.
    word_end: Option<usize>,
    problems: &'p mut Problems,
}

/// An open quote: where it stands, and whether a word processor made it.
struct Quote {
    at: (u32, u32),
    curly: bool,
}

/// What the end of a line means.
#[derive(PartialEq, Eq)]
enum LineEnd {
    Continues,
    Ends,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        Self { lines: Lines { bytes, at, number: 0 }, pushed_back: None }
    }

    fn next_line(&mut self) -> Option<Line> {
        self.pushed_back.take().or_else(|| self.lines.next())
    }

    /// The next statement; `None` at the end of the file.
    pub(crate) fn next(&mut self, problems: &mut Problems) -> Option<RawStatement> {
        let mut line = self.next_line()?;
        while line.is_blank_or_comment() {
            line = self.next_line()?;
        }
        let raw = RawStatement { start: line.start, ..RawStatement::default() };
        let mut scan = Scan::new(raw, problems);
        while scan.line(&line) == LineEnd::Continues {
            let Some(next) = self.next_line() else {
                scan.report_truncation(&line);
                break;
            };
            if let Some(keyword) = next.keyword().filter(|_| scan.may_end()) {
                scan.report_run_on(&next, keyword);
                self.pushed_back = Some(next);
                break;
            }
            line = next;
        }
        scan.finish();
        Some(scan.raw)
    }
}

impl<'p> Scan<'p> {
    fn new(raw: RawStatement, problems: &'p mut Problems) -> Self {
        Self {
            raw,
            word: None,
            content_start: 0,
            quote: None,
            braces: Vec::new(),
            braced_quote: false,
            word_end: None,
            problems,
        }
    }

    /// Takes in one line.
    fn line(&mut self, line: &Line) -> LineEnd {
        self.raw.end = line.end;
        let end = self.characters(line);
        if let Some(i) = self.word_end.take() {
            self.raw.words_end = line.byte_at(i);
        }
        end
    }

    fn characters(&mut self, line: &Line) -> LineEnd {
        for (i, &c) in line.text.iter().enumerate() {
            let at = (line.number, u32::try_from(i + 1).unwrap_or(u32::MAX));
            if c == '\\' && line.ends_at(i + 1, self.quote.is_some()) {
                self.blank(i);
                return LineEnd::Continues;
            }
            if self.starts_comment(c, &line.text[i..]) {
                return LineEnd::Ends;
            }
            if self.quote.is_some() {
                self.quoted(c);
            } else if !self.braces.is_empty() {
                self.braced(c);
            } else if c.is_whitespace() {
                self.report_odd_blank(c, at);
                self.blank(i);
            } else {
                self.plain(c, at);
            }
        }
        self.blank(line.text.len());
        LineEnd::Ends
    }

    /// Whether a `#` here begins a comment: between words, unless it is the host number of a `SERVER` line.
    fn starts_comment(&self, c: char, rest: &[char]) -> bool {
        if c != '#' || self.word.is_some() {
            return false;
        }
        let is_host_id = self.raw.words.len() == 2
            && self.raw.words[0].text.eq_ignore_ascii_case("SERVER")
            && rest.get(1).is_some_and(char::is_ascii_digit);
        !is_host_id
    }

    /// White space ends a word, or is one blank inside quotes and braces. `i` is where it stands.
    fn blank(&mut self, i: usize) {
        if self.quote.is_some() || !self.braces.is_empty() {
            self.push_blank();
        } else if let Some(word) = self.word.take() {
            self.word_end = Some(i);
            self.push_word(word);
        }
    }

    fn push_word(&mut self, word: Word) {
        if self.raw.words.len() < MAX_WORDS {
            self.raw.words.push(word);
        } else if !self.raw.broken {
            self.raw.broken = true;
            let message = format!("the statement has more than {MAX_WORDS} words");
            let hint = "put quotes round values with blanks; check the `\\` at the ends of lines";
            self.problems.add(word.at(), Finding::error("too-many-words", message).hint(hint));
        }
    }

    /// One blank for a run of white space, and none where the quoted part begins.
    fn push_blank(&mut self) {
        if let Some(word) = &mut self.word
            && word.text.len() > self.content_start
            && !word.text.ends_with(' ')
        {
            word.text.push(' ');
        }
    }

    fn push(&mut self, c: char) {
        if let Some(word) = &mut self.word {
            word.text.push(c);
        }
    }

    fn quoted(&mut self, c: char) {
        let curly = self.quote.as_ref().is_some_and(|quote| quote.curly);
        match c {
            '"' => self.close_quote(),
            _ if curly && is_curly(c) => self.close_quote(),
            _ if c.is_whitespace() => self.push_blank(),
            _ => self.push(c),
        }
    }

    fn close_quote(&mut self) {
        self.quote = None;
        if let Some(word) = &mut self.word
            && word.text.len() > self.content_start
            && word.text.ends_with(' ')
        {
            word.text.pop();
        }
    }

    /// Inside `{…}` everything is kept, quotes too: only balanced braces end the value.
    fn braced(&mut self, c: char) {
        if c.is_whitespace() {
            return self.push_blank();
        }
        self.push(c);
        match c {
            '"' => self.braced_quote = !self.braced_quote,
            _ if self.braced_quote => {}
            '{' => self.braces.push('}'),
            '(' => self.braces.push(')'),
            _ if self.braces.last() == Some(&c) => {
                self.braces.pop();
            }
            _ => {}
        }
    }

    /// Outside quotes and braces.
    fn plain(&mut self, c: char, at: (u32, u32)) {
        let word = self.word.get_or_insert_with(|| Word { text: String::new(), line: at.0, column: at.1 });
        let value_begins = word.text.is_empty() || word.text.ends_with('=');
        self.content_start = word.text.len();
        match c {
            '"' => self.quote = Some(Quote { at, curly: false }),
            _ if is_curly(c) => {
                self.quote = Some(Quote { at, curly: true });
                let finding = Finding::warning("typographic-quote", "a typographic quote is read as `\"`");
                self.problems.add(at, finding.hint("write straight quotes"));
            }
            '{' | '(' if value_begins => {
                word.text.push(c);
                self.content_start = word.text.len();
                self.braced_quote = false;
                self.braces.push(if c == '{' { '}' } else { ')' });
            }
            _ => {
                self.report_control(c, at);
                self.push(c);
            }
        }
    }

    fn report_control(&mut self, c: char, at: (u32, u32)) {
        if c.is_control() {
            let finding = Finding::warning("control-character", format!("control character {c:?} in a word"));
            self.problems.add(at, finding.hint("delete the character; the file may be damaged"));
        }
    }

    fn report_odd_blank(&mut self, c: char, at: (u32, u32)) {
        if !matches!(c, ' ' | '\t' | '\u{b}' | '\u{c}') {
            let finding = Finding::warning("odd-blank", format!("white space {c:?} is read as a blank"));
            self.problems
                .add(at, finding.hint("type an ordinary blank; the text was pasted from a document"));
        }
    }

    /// A statement of three words may be complete: a keyword at the start of a continuation line is a new one.
    fn may_end(&self) -> bool {
        self.quote.is_none() && self.braces.is_empty() && self.raw.words.len() >= 3
    }

    fn report_run_on(&mut self, next: &Line, keyword: &str) {
        let message = format!("the line above ends with `\\`, but `{keyword}` begins a new statement");
        let finding = Finding::error("run-on", message);
        let hint = format!("take the `\\` off the end of line {}, or add what is missing", next.number - 1);
        self.problems.add((next.number, 1), finding.hint(hint));
    }

    fn report_truncation(&mut self, line: &Line) {
        let column = u32::try_from(line.text.len()).unwrap_or(u32::MAX);
        let finding = Finding::error("truncated", "the file ends within a continued line");
        self.problems.add((line.number, column.max(1)), finding.hint("check that the whole file arrived"));
    }

    /// The end of the statement: whatever is still open is reported.
    fn finish(&mut self) {
        if let Some(quote) = &self.quote {
            let finding = Finding::error("open-quote", "the quote that begins here is not closed");
            let hint = "add the closing `\"`, or `\\` at the end of the line where the value goes on";
            self.problems.add(quote.at, finding.hint(hint));
        } else if let (Some(close), Some(word)) = (self.braces.first(), &self.word) {
            let finding = Finding::error("open-brace", format!("`{close}` is missing"));
            let hint = "close it, or end the line with `\\` where the value goes on";
            self.problems.add(word.at(), finding.hint(hint));
        }
        if let Some(word) = self.word.take() {
            self.raw.words_end = self.raw.end;
            self.push_word(word);
            self.raw.broken = true;
        }
    }
}

/// Quotes as word processors write them, in Unicode and in Windows-1252 read as Latin-1.
fn is_curly(c: char) -> bool {
    matches!(c, '\u{201c}' | '\u{201d}' | '\u{93}' | '\u{94}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(text: &[u8]) -> (Vec<Vec<String>>, Vec<&'static str>) {
        let mut problems = Problems::of("x");
        let mut lexer = Lexer::new(text);
        let mut statements = Vec::new();
        while let Some(raw) = lexer.next(&mut problems) {
            statements.push(raw.words.into_iter().map(|word| word.text).collect());
        }
        (statements, problems.into_list().iter().map(|problem| problem.code).collect())
    }

    fn words(text: &str) -> Vec<String> {
        let (mut statements, problems) = lex(text.as_bytes());
        assert_eq!((statements.len(), problems), (1, vec![]), "{text}");
        statements.remove(0)
    }

    #[test]
    fn a_backslash_joins_lines_with_white_space() {
        assert_eq!(words("A b\\\n c"), ["A", "b", "c"]);
        assert_eq!(words("A \"x\"\\\r\n\tc"), ["A", "x", "c"]);
        assert_eq!(words("A N=\"to \\  \n  me\""), ["A", "N=to me"]);
        assert_eq!(words("A b \\  # why\n c"), ["A", "b", "c"]);
    }

    #[test]
    fn white_space_in_quotes_is_one_blank_and_none_at_the_ends() {
        assert_eq!(words("A N=\" \\\n  401,  402 \""), ["A", "N=401, 402"]);
        assert_eq!(words("A N=\"a = b\" M=\"\" product=\"x y\""), ["A", "N=a = b", "M=", "product=x y"]);
    }

    #[test]
    fn comments_begin_between_words_only() {
        assert_eq!(words("# one\n  # two\nA b#c N=\"#d\" # e"), ["A", "b#c", "N=#d"]);
        assert_eq!(words("SERVER h #2005771344 7260 #note"), ["SERVER", "h", "#2005771344", "7260"]);
        assert_eq!(words("SERVER h ANY #1"), ["SERVER", "h", "ANY"]);
    }

    #[test]
    fn braces_hold_blanks_quotes_and_parentheses() {
        let text = "F AUTH={ a=\"str }\" b=(a b\\\n c) } S=1";
        assert_eq!(words(text), ["F", "AUTH={a=\"str }\" b=(a b c) }", "S=1"]);
        assert_eq!(lex(b"F A={ x").1, ["open-brace"]);
    }

    #[test]
    fn every_line_end_and_character_set_is_read() {
        let (statements, problems) = lex(b"\xef\xbb\xbfA M\xfcller\r\nB M\xc3\xbcller\rC\n");
        assert_eq!(statements, [vec!["A", "M\u{fc}ller"], vec!["B", "M\u{fc}ller"], vec!["C"]]);
        assert!(problems.is_empty());
    }

    #[test]
    fn pasted_blanks_and_quotes_are_read_with_a_warning() {
        let (statements, problems) = lex("A\u{a0}N=\u{201c}b c\u{201d}".as_bytes());
        assert_eq!(statements, [vec!["A", "N=b c"]]);
        assert_eq!(problems, ["odd-blank", "typographic-quote"]);
    }

    #[test]
    fn an_open_quote_ends_with_its_line() {
        let (statements, problems) = lex(b"A N=\"b c\nB d");
        assert_eq!(statements.len(), 2);
        assert_eq!(problems, ["open-quote"]);
    }

    #[test]
    fn a_line_that_runs_into_the_next_statement_hides_neither() {
        let (statements, problems) = lex(b"INCREMENT a v 1 \\\nINCREMENT b v 1 \\\n");
        assert_eq!(statements.len(), 2);
        assert_eq!(problems, ["run-on", "truncated"]);
    }
}
