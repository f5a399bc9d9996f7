-- Statements are separated by an empty line; functions.py fills in what stands in double braces. The rules are those of folding.py.
-- Bodies are parsed when they are created, so that a restored dump needs no search path.
CREATE OR REPLACE FUNCTION studio_fold(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 500
RETURN CASE
  WHEN octet_length(said) = length(said) THEN btrim(regexp_replace(lower(said COLLATE "C") COLLATE "{{collation}}", '[{{spaces}}]+', ' ', 'g'), ' ')
  ELSE btrim(regexp_replace(normalize({{lowered}}, NFC), '[{{spaces}}]+', ' ', 'g'), ' ')
END

-- from each letter on, three letters; fewer at the end
CREATE OR REPLACE FUNCTION studio_triples(folded text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
  SELECT letter || coalesce(lead(letter, 1) OVER turn, '') || coalesce(lead(letter, 2) OVER turn, '')
  FROM unnest(string_to_array(folded, NULL)) WITH ORDINALITY AS one(letter, place) WINDOW turn AS (ORDER BY place);
END

CREATE OR REPLACE FUNCTION studio_grams(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
  SELECT coalesce(array_to_tsvector(array_agg(DISTINCT triple)), ''::tsvector) FROM studio_triples(left(studio_fold(left(said, {{longest text}})), {{longest text}})) AS triple;
END

CREATE OR REPLACE FUNCTION studio_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
  WITH one(folded) AS MATERIALIZED (SELECT left(studio_fold(left(said, {{longest text}})), {{longest text}})), tokens(token) AS (
    SELECT left(word, {{longest word}}) FROM one, unnest(string_to_array(regexp_replace(folded, '[{{between words}}]+', ' ', 'g'), ' ')) AS word
    UNION ALL
    SELECT split_part(triple, ' ', 1) FROM one, studio_triples(regexp_replace(folded, '[^{{spaceless}}]+', ' ', 'g')) AS triple
  )
  SELECT coalesce(array_to_tsvector(array_agg(DISTINCT token)), ''::tsvector) FROM tokens WHERE token <> '';
END
