//! Reads filters and paths from the front of a text, within bounds. Every fault says where it is and what was expected.

use super::super::answer::{Fault, Kind};
use super::{Attribute, Filter, Literal, OPERATORS, Operator, Path};

/// Longest filter or path, in bytes.
const LONGEST: usize = 4096;
/// Deepest nesting of `not`, parentheses and brackets.
const DEEPEST: usize = 20;

/// Reads from the front of a text.
pub(super) struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    kind: Kind,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, kind: Kind) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(Fault::bad(kind, format!("it has {} bytes, and {LONGEST} are the most", text.len())));
        }
        Ok(Self { whole: text, rest: text, kind })
    }

    /// The whole as a filter.
    pub(super) fn filter(mut self) -> Result<Filter, Fault> {
        let filter = self.either(0)?;
        self.end()?;
        Ok(filter)
    }

    /// The whole as a path.
    pub(super) fn path(mut self) -> Result<Path, Fault> {
        let mut attribute = Attribute::new(self.word()?);
        let mut filter = None;
        if self.takes("[") {
            filter = Some(self.either(1)?);
            self.must("]")?;
            if self.takes(".") {
                attribute.part = Some(self.word()?.to_lowercase());
            }
        }
        self.end()?;
        Ok(Path { attribute, filter })
    }

    fn fault(&self, wanted: &str) -> Fault {
        let place = self.whole[..self.whole.len() - self.rest.len()].chars().count() + 1;
        Fault::bad(self.kind, format!("at character {place} of `{}`, {wanted} was expected", self.whole))
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.skip();
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault("the end")) }
    }

    fn takes(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn must(&mut self, sign: &str) -> Result<(), Fault> {
        self.skip();
        if self.takes(sign) { Ok(()) } else { Err(self.fault(&format!("`{sign}`"))) }
    }

    /// What an attribute's name is made of, with that of a schema: `urn:…:2.0:User:name.givenName`.
    fn word(&mut self) -> Result<&'a str, Fault> {
        self.skip();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '$');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() || word.starts_with('.') || word.ends_with('.') {
            return Err(self.fault("the name of an attribute"));
        }
        self.rest = rest;
        Ok(word)
    }

    /// Takes a word of the language, if it comes next and ends there.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip();
        let Some((start, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || c == '(');
        let is_it = ends && start.eq_ignore_ascii_case(word);
        if is_it {
            self.rest = rest;
        }
        is_it
    }

    fn either(&mut self, depth: usize) -> Result<Filter, Fault> {
        let mut any = vec![self.all(depth)?];
        while self.keyword("or") {
            any.push(self.all(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn all(&mut self, depth: usize) -> Result<Filter, Fault> {
        let mut all = vec![self.one(depth)?];
        while self.keyword("and") {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self, depth: usize) -> Result<Filter, Fault> {
        if depth > DEEPEST {
            return Err(self.fault(&format!("a nesting of {DEEPEST} at most")));
        }
        let is_not = self.keyword("not");
        self.skip();
        if is_not || self.rest.starts_with('(') {
            self.must("(")?;
            let inner = self.either(depth + 1)?;
            self.must(")")?;
            return Ok(if is_not { Filter::Not(Box::new(inner)) } else { inner });
        }
        let word = self.word()?;
        if self.takes("[") {
            let inner = self.either(depth + 1)?;
            self.must("]")?;
            return Ok(Filter::Within(Attribute::new(word).name, Box::new(inner)));
        }
        self.comparison(Attribute::new(word))
    }

    fn comparison(&mut self, attribute: Attribute) -> Result<Filter, Fault> {
        if self.present() {
            return Ok(Filter::Present(attribute));
        }
        let operator = OPERATORS.iter().find(|(word, _)| self.keyword(word)).map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| self.fault("eq, ne, co, sw, ew, gt, ge, lt, le or pr"))?;
        let literal = self.literal()?;
        let is_plain = matches!(operator, Operator::Equal | Operator::NotEqual);
        match literal {
            Literal::Flag(_) | Literal::Null if !is_plain => {
                Err(self.fault("a text, or eq or ne before it,"))
            }
            literal => Ok(Filter::Compare(attribute, operator, literal)),
        }
    }

    /// `pr` may end a bracket.
    fn present(&mut self) -> bool {
        self.skip();
        let Some((word, rest)) = self.rest.split_at_checked(2) else { return false };
        let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ')' | ']'));
        let is_it = ends && word.eq_ignore_ascii_case("pr");
        if is_it {
            self.rest = rest;
        }
        is_it
    }

    fn literal(&mut self) -> Result<Literal, Fault> {
        self.skip();
        let end = match self.rest.strip_prefix('"') {
            Some(inner) => string_end(inner).map(|end| end + 2),
            None => {
                let ends = |c: char| c.is_whitespace() || matches!(c, ')' | ']');
                Some(self.rest.find(ends).unwrap_or(self.rest.len()))
            }
        };
        let end = end.ok_or_else(|| self.fault("a text that ends with `\"`"))?;
        let (text, rest) = self.rest.split_at(end);
        let literal = match serde_json::from_str(&text.to_lowercase()) {
            Ok(serde_json::Value::Bool(flag)) => Literal::Flag(flag),
            Ok(serde_json::Value::Null) => Literal::Null,
            Ok(serde_json::Value::Number(_)) => Literal::Number(text.to_owned()),
            _ => Literal::Text(
                serde_json::from_str(text)
                    .map_err(|_| self.fault("a text in quotation marks, a number, true, false or null"))?,
            ),
        };
        self.rest = rest;
        Ok(literal)
    }
}

/// Where a string ends, without its first quotation mark: the place of its last.
fn string_end(inner: &str) -> Option<usize> {
    let mut is_escaped = false;
    inner.char_indices().find_map(|(place, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end.then_some(place)
    })
}
