//! Builds `WHERE` clauses with numbered placeholders, which both databases take.

use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;

use super::built;

/// A value to compare with.
#[derive(Debug, Clone)]
enum Value {
    Int(i64),
    Text(String),
}

/// Conditions joined by `AND`. Each condition writes `?` where its value goes.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
    /// A list of numbers stands in it, so that the statement does not come again.
    lists_numbers: bool,
}

impl Filter {
    /// No condition: every row.
    pub fn new() -> Self {
        Self::default()
    }

    /// A condition without a value.
    pub fn and(&mut self, condition: &'static str) -> &mut Self {
        self.conditions.push(condition.to_owned());
        self
    }

    /// A condition on a number; every `?` in it is that number.
    pub fn and_int(&mut self, condition: &'static str, value: i64) -> &mut Self {
        self.push(condition, Value::Int(value))
    }

    /// A condition on a text; every `?` in it is that text.
    pub fn and_text(&mut self, condition: &'static str, value: impl Into<String>) -> &mut Self {
        self.push(condition, Value::Text(value.into()))
    }

    /// That `column` is one of `values`; no values match no row.
    pub fn and_one_of(&mut self, column: &'static str, values: impl IntoIterator<Item = i64>) -> &mut Self {
        self.lists_numbers = true;
        self.and_built(one_of(column, values))
    }

    /// A condition that was put together from pieces of this program, its values numbered by [`Filter::numbered`].
    pub fn and_built(&mut self, condition: String) -> &mut Self {
        self.conditions.push(condition);
        self
    }

    /// The piece with its placeholder: every `?` in it is `value`, which goes along with the query.
    pub fn numbered(&mut self, piece: &str, value: Option<String>) -> String {
        let Some(value) = value else { return piece.to_owned() };
        self.values.push(Value::Text(value));
        piece.replace('?', &format!("${}", self.values.len()))
    }

    /// The conditions that `add` adds, joined, to stand elsewhere in the same query: their values go along with it.
    pub fn aside(&mut self, add: impl FnOnce(&mut Self)) -> String {
        let conditions = std::mem::take(&mut self.conditions);
        add(self);
        std::mem::replace(&mut self.conditions, conditions).join(" AND ")
    }

    /// ` WHERE …`, or nothing.
    pub fn sql(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        format!(" WHERE {}", self.conditions.join(" AND "))
    }

    /// A query of `before`, this clause, and `after`, with every value bound. No connection keeps a statement with a list of
    /// numbers, which would push out those that come again.
    pub fn query(&self, before: &str, after: &str) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(built(format!("{before}{}{after}", self.sql())));
        let query = query.persistent(!self.lists_numbers);
        self.values.iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.clone()),
        })
    }

    fn push(&mut self, condition: &'static str, value: Value) -> &mut Self {
        self.values.push(value);
        self.conditions.push(condition.replace('?', &format!("${}", self.values.len())));
        self
    }
}

/// That `column` is one of `values`; no values match no row.
pub fn one_of(column: &str, values: impl IntoIterator<Item = i64>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    // Whole numbers of our own need no placeholder, and PostgreSQL has a limit on those.
    match values.as_slice() {
        [] => "1 = 0".to_owned(),
        values => format!("{column} IN ({})", values.join(",")),
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `text` anywhere in what SQL's `lower` gives. Of both databases that folds
/// ASCII alone, and so does this: an `Ö` that is stored stays one.
pub fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_ascii_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use sqlx::Execute;

    use super::*;

    #[test]
    fn placeholders_are_numbered_in_the_order_of_the_conditions() {
        let mut filter = Filter::new();
        filter.and_text("(lower(a) LIKE ? OR lower(b) LIKE ?)", "%x%").and("c = 1").and_int("d > ?", 4);
        assert_eq!(filter.sql(), " WHERE (lower(a) LIKE $1 OR lower(b) LIKE $1) AND c = 1 AND d > $2");
    }

    #[test]
    fn a_piece_outside_of_the_conditions_shares_their_numbers() {
        let mut filter = Filter::new();
        let piece = filter.numbered("CASE WHEN a = ? THEN 1 END", Some("x".into()));
        filter.and_text("b = ?", "y").and_built(format!("{piece} IS NULL"));
        assert_eq!(filter.sql(), " WHERE b = $2 AND CASE WHEN a = $1 THEN 1 END IS NULL");
        assert_eq!(filter.numbered("1 = 1", None), "1 = 1");
    }

    #[test]
    fn conditions_that_stand_elsewhere_share_the_numbers_of_the_others() {
        let mut filter = Filter::new();
        filter.and_int("a = ?", 1);
        let aside = filter.aside(|aside| {
            aside.and_text("b = ?", "x").and("c = 1");
        });
        filter.and_int("id < ?", 9);
        assert_eq!(
            (aside.as_str(), filter.sql().as_str()),
            ("b = $2 AND c = 1", " WHERE a = $1 AND id < $3")
        );
        assert_eq!(filter.aside(|_| {}), "");
    }

    #[test]
    fn wildcards_of_a_search_are_only_letters() {
        assert_eq!(contains("50%_A"), "%50\\%\\_a%");
    }

    #[test]
    fn a_search_folds_the_letters_that_the_databases_fold() {
        assert_eq!(contains("Österreich-SW1"), "%Österreich-sw1%");
    }

    #[test]
    fn a_statement_with_a_list_of_numbers_is_not_kept() {
        let is_kept = |filter: &Filter| Execute::persistent(&filter.query("SELECT a FROM b", ""));
        let mut filter = Filter::new();
        filter.and_int("a = ?", 1);
        assert!(is_kept(&filter));
        filter.and_one_of("a", [1, 2]);
        assert!(!is_kept(&filter));
        let mut filter = Filter::new();
        filter.aside(|aside| {
            aside.and_one_of("a", [1, 2]);
        });
        assert!(!is_kept(&filter), "its conditions stand elsewhere in the same statement");
    }
}
