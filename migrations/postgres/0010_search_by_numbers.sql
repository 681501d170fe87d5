-- Grams of five digits and dots are new: every text is read for the index again.
TRUNCATE search_gram;
DELETE FROM search_text;
