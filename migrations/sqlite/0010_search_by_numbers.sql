-- Grams of five digits and dots are new: every text is read for the index again.
INSERT INTO search_gram (search_gram) VALUES ('delete-all');
DELETE FROM search_text;
