//! The text that Prometheus reads, version 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write as _;

use etiqa_model::Timestamp;

use super::histogram::Counts;

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many values there were up to each of some bounds.
    Histogram,
}

/// Metrics as text, one after the other.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Begins a metric. What follows belongs to it.
    pub fn metric(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.name = name;
        self
    }

    /// A value of the metric that was begun last.
    pub fn value(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.sample("", labels, None, value)
    }

    /// A count of the same.
    pub fn count(&mut self, labels: &[(&str, &str)], count: u64) -> &mut Self {
        self.value(labels, count as f64)
    }

    /// A time of the same, in seconds since the epoch; nothing where there is none.
    pub fn time(&mut self, labels: &[(&str, &str)], at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.value(labels, at.millis() as f64 / 1000.0),
            None => self,
        }
    }

    /// How values were distributed, of the same.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        bounds: &[f64],
        counts: &Counts,
    ) -> &mut Self {
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(&counts.buckets) {
            below += count;
            self.sample("_bucket", labels, Some(&bound.to_string()), below as f64);
        }
        self.sample("_bucket", labels, Some("+Inf"), counts.count as f64);
        self.sample("_sum", labels, None, counts.sum);
        self.sample("_count", labels, None, counts.count as f64)
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.text
    }

    fn sample(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: f64,
    ) -> &mut Self {
        let text = &mut self.text;
        let _ = write!(text, "{}{suffix}", self.name);
        let bound = bound.map(|bound| ("le", bound));
        for (at, (name, value)) in labels.iter().copied().chain(bound).enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(text, "{before}{name}=\"");
            escape(text, value);
            text.push('"');
        }
        if !labels.is_empty() || bound.is_some() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
        self
    }
}

/// A label's value may be anything that somebody called a site or a backup.
fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Histogram;
    use super::*;

    #[test]
    fn whatever_a_site_is_called_stays_within_its_label() {
        let mut page = Page::default();
        page.metric("etiqa_devices", Kind::Gauge, "Devices.");
        page.count(&[("site", "a\"} 1\nb\\"), ("state", "good")], 3).count(&[], 2);
        assert_eq!(
            page.into_text(),
            "# HELP etiqa_devices Devices.\n# TYPE etiqa_devices gauge\n\
             etiqa_devices{site=\"a\\\"} 1\\nb\\\\\",state=\"good\"} 3\netiqa_devices 2\n"
        );
    }

    #[test]
    fn a_time_is_in_seconds_and_none_is_no_line() {
        let mut page = Page::default();
        page.metric("etiqa_x_timestamp_seconds", Kind::Gauge, "X.");
        page.time(&[("a", "b")], Some(Timestamp(1_795_399_205_250))).time(&[], None);
        assert!(page.into_text().ends_with("gauge\netiqa_x_timestamp_seconds{a=\"b\"} 1795399205.25\n"));
    }

    #[test]
    fn a_bucket_holds_all_that_is_not_above_its_bound() {
        let histogram = Histogram::new(&[0.5, 1.0, 10.0]);
        for seconds in [0.1, 0.5, 0.7, 3.0, 99.0] {
            histogram.add(seconds);
        }
        let mut page = Page::default();
        page.metric("etiqa_y_seconds", Kind::Histogram, "Y.");
        histogram.write(&mut page, &[]);
        let text = page.into_text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "etiqa_y_seconds_bucket{le=\"0.5\"} 2",
                "etiqa_y_seconds_bucket{le=\"1\"} 3",
                "etiqa_y_seconds_bucket{le=\"10\"} 4",
                "etiqa_y_seconds_bucket{le=\"+Inf\"} 5",
                "etiqa_y_seconds_sum 103.3",
                "etiqa_y_seconds_count 5",
            ]
        );
    }
}
