//! The blocks of a configuration: what belongs to a header, by the braces of the text or by its indentation.
//!
//! A header that ends in `{` has a block up to the `}` that closes it; one that opens and closes its block on one line is its
//! own block. Any other header has the lines below it that are indented further. As where completeness is looked at, a line
//! that ends in `{` opens a block and each `}` at the beginning of a line closes one: what stands within lines is text.
//!
//! All blocks are found in one walk over the text, however many headers there are and however deep they are nested.

use std::ops::Range;

/// A block, its lines counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The line of its header.
    pub(super) header: usize,
    /// Its lines, of which the header is none unless the block is within it.
    pub(super) lines: Range<usize>,
}

/// Columns of a tab, as terminals have them.
const TAB: usize = 8;

/// The blocks of those lines that `is_header` picks, in the order of their headers.
pub(super) fn blocks<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    mut is_header: impl FnMut(usize) -> bool,
) -> Vec<Block> {
    let mut walk = Walk::default();
    let mut count = 0;
    for (number, line) in lines.into_iter().enumerate() {
        walk.step(number, line, || is_header(number));
        count = number + 1;
    }
    walk.finish(count)
}

/// Blocks that were found, and those whose end is still to come.
#[derive(Default)]
struct Walk {
    found: Vec<Block>,
    depth: i64,
    /// Places in `found`, and the depth that closes each; the depths grow.
    braced: Vec<(usize, i64)>,
    /// The same with the indentation that ends each.
    indented: Vec<(usize, usize)>,
}

impl Walk {
    fn step(&mut self, number: usize, line: &str, is_header: impl FnOnce() -> bool) {
        let Some(indentation) = indentation(line) else { return };
        let Braces { closed, is_open } = braces(line);
        let lowest = self.depth - closed;
        self.depth = lowest + i64::from(is_open);
        while let Some((place, base)) = self.braced.last().copied()
            && base >= lowest
        {
            // With the line that closes it: something may stand before the brace.
            self.found[place].lines.end = number + 1;
            self.braced.pop();
        }
        while let Some((place, base)) = self.indented.last().copied()
            && base >= indentation
        {
            self.found[place].lines.end = number;
            self.indented.pop();
        }
        if !is_header() {
            return;
        }
        let (place, next) = (self.found.len(), number + 1);
        let lines = if is_open {
            self.braced.push((place, lowest));
            next..next
        } else if is_within_line(line) {
            number..next
        } else {
            self.indented.push((place, indentation));
            next..next
        };
        self.found.push(Block { header: number, lines });
    }

    /// What the end of the text cuts off ends there.
    fn finish(mut self, count: usize) -> Vec<Block> {
        let open = self.braced.iter().map(|(place, _)| *place);
        for place in open.chain(self.indented.iter().map(|(place, _)| *place)) {
            self.found[place].lines.end = count;
        }
        self.found
    }
}

/// Columns before the first character; none of an empty line, which ends no block.
fn indentation(line: &str) -> Option<usize> {
    let mut column = 0;
    for c in line.chars() {
        match c {
            ' ' => column += 1,
            '\t' => column = (column / TAB + 1) * TAB,
            '\r' => {}
            _ => return Some(column),
        }
    }
    None
}

struct Braces {
    /// Blocks that the line closes.
    closed: i64,
    /// Whether it opens one.
    is_open: bool,
}

fn braces(line: &str) -> Braces {
    let line = line.trim();
    let closed = line.bytes().take_while(|byte| *byte == b'}').count();
    Braces { closed: i64::try_from(closed).unwrap_or(i64::MAX), is_open: line.ends_with('{') }
}

/// Whether a block is opened and closed within this line: `description { core }`.
fn is_within_line(line: &str) -> bool {
    let line = line.trim();
    line.ends_with('}') && line.contains('{')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of each block whose header has `wanted` in it, header first.
    fn found(text: &str, wanted: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().collect();
        blocks(lines.iter().copied(), |number| lines[number].contains(wanted))
            .into_iter()
            .map(|block| {
                let inside = lines[block.lines].iter().map(|line| line.trim());
                [lines[block.header].trim()].into_iter().chain(inside).collect::<Vec<_>>().join(" | ")
            })
            .collect()
    }

    #[test]
    fn what_is_indented_below_a_header_is_its_block() {
        let text = "line con 0\n exec-timeout 5 0\nline vty 0 4\n transport input ssh\n\n login local\nline vty 5 15\n\
                    !\nend\n";
        assert_eq!(
            found(text, "line vty"),
            ["line vty 0 4 | transport input ssh |  | login local", "line vty 5 15"]
        );
        let nested = "router bgp 1\n  vrf a\n    rd 1:1\n  vrf b\n    rd 2:2\n";
        assert_eq!(found(nested, "vrf"), ["vrf a | rd 1:1", "vrf b | rd 2:2"]);
        assert_eq!(found(nested, "router"), ["router bgp 1 | vrf a | rd 1:1 | vrf b | rd 2:2"]);
        assert_eq!(found("\ta\n        \tb\n", "a"), ["a | b"], "a tab goes to the next eighth column");
    }

    #[test]
    fn what_is_within_the_braces_of_a_header_is_its_block() {
        let junos = "system {\n    services {\n        ssh {\n            root-login deny;\n        }\n        telnet;\n    \
                     }\n}\n";
        assert_eq!(found(junos, "ssh {"), ["ssh { | root-login deny; | }"]);
        assert_eq!(
            found(junos, "services"),
            ["services { | ssh { | root-login deny; | } | telnet; | }"],
            "a block within it is part of it"
        );
        let f5 = "ltm pool a { }\nltm pool b {\nmembers {\nx:80 { address 10.0.0.1 }\n}\n}\nltm pool c { monitor http }\n";
        assert_eq!(
            found(f5, "ltm pool"),
            [
                "ltm pool a { } | ltm pool a { }",
                "ltm pool b { | members { | x:80 { address 10.0.0.1 } | } | }",
                "ltm pool c { monitor http } | ltm pool c { monitor http }",
            ]
        );
        assert_eq!(found("if {\na\n} else {\nb\n}\nc\n", "else"), ["} else { | b | }"]);
        assert_eq!(found("a {\nb\n", "a"), ["a { | b"], "one that was cut ends with the text");
    }

    #[test]
    fn a_text_of_nothing_but_headers_is_walked_once() {
        let deep: Vec<_> = (0..20_000).map(|depth| format!("{}x\n", " ".repeat(depth % 100))).collect();
        let deep = deep.concat();
        let braces = "x {\n".repeat(100_000);
        assert_eq!(blocks(deep.lines(), |_| true).len(), 20_000);
        let found = blocks(braces.lines(), |_| true);
        assert_eq!((found.len(), found[0].lines.end), (100_000, 100_000));
    }

    /// The same as a person would do it: from each header on, line by line.
    fn slowly(lines: &[&str], is_header: impl Fn(usize) -> bool) -> Vec<Block> {
        let headers =
            (0..lines.len()).filter(|number| indentation(lines[*number]).is_some() && is_header(*number));
        headers.map(|header| Block { header, lines: block_of(lines, header) }).collect()
    }

    fn block_of(lines: &[&str], header: usize) -> Range<usize> {
        let first = header + 1;
        if braces(lines[header]).is_open {
            let mut open = 1;
            for (number, line) in lines.iter().enumerate().skip(first) {
                let Braces { closed, is_open } = braces(line);
                open -= closed;
                if open <= 0 {
                    let end = number + 1;
                    return first..end;
                }
                open += i64::from(is_open);
            }
            return first..lines.len();
        }
        if is_within_line(lines[header]) {
            return header..first;
        }
        let own = indentation(lines[header]).unwrap();
        let is_end = |number: &usize| indentation(lines[*number]).is_some_and(|column| column <= own);
        first..(first..lines.len()).find(is_end).unwrap_or(lines.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn one_walk_finds_what_a_walk_from_each_header_finds(
            lines in proptest::collection::vec("[ \t]{0,4}(h|x|\\}|\\}\\}|h \\{|x \\{|\\} h \\{|h \\{ x \\}|)[ \r]?", 0..14)
        ) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let is_header = |number: usize| lines[number].contains('h');
            prop_assert_eq!(blocks(lines.iter().copied(), is_header), slowly(&lines, is_header));
        }

        #[test]
        fn blocks_are_within_the_text_and_two_of_them_are_apart_or_one_is_within_the_other(
            lines in proptest::collection::vec("[ ]{0,3}(h|x|\\}|h \\{)", 0..14)
        ) {
            let found = blocks(lines.iter().map(String::as_str), |_| true);
            for (place, block) in found.iter().enumerate() {
                prop_assert!(block.lines.start <= block.lines.end && block.lines.end <= lines.len());
                prop_assert!(block.lines.start >= block.header);
                for other in &found[place + 1..] {
                    prop_assert!(other.header > block.header);
                }
            }
        }
    }
}
