//! The difference of two texts, line by line, with the changed words marked.
