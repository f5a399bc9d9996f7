-- Statements are separated by an empty line; triggers.py fills in what stands in double braces, and runs them after every migration.
-- Triggers work on whole statements, so that a million clips are as quick to write as their rows.

ALTER TABLE gallery_hanging ADD COLUMN IF NOT EXISTS words tsvector
-- What is searched, as text_search takes it apart (its rules: {{rules}}). Its project is a word that nobody can ask for.
GENERATED ALWAYS AS (studio_words(text || ' ' || said) || array_to_tsvector(ARRAY['/' || project_id::text])) STORED

CREATE INDEX IF NOT EXISTS hanging_words ON gallery_hanging USING gin (words) WITH (fastupdate = off)

-- counts: the row ('all', '') of a project comes first, so that two transactions wait for each other there and nowhere else
CREATE OR REPLACE FUNCTION gallery_facets_in() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO gallery_facet(project_id, kind, value, clips)
  SELECT f.column1, f.column2, f.column3, count(*) FROM added, LATERAL (VALUES {{facets of added}}) f
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (project_id, kind, value) DO UPDATE SET clips = gallery_facet.clips + excluded.clips;
  RETURN NULL;
END $$

CREATE TRIGGER gallery_facets_in AFTER INSERT ON gallery_hanging REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION gallery_facets_in()

CREATE OR REPLACE FUNCTION gallery_facets_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE gallery_facet SET clips = gallery_facet.clips - gone.clips FROM (
    SELECT f.column1 AS project_id, f.column2 AS kind, f.column3 AS value, count(*) AS clips
    FROM removed, LATERAL (VALUES {{facets of removed}}) f GROUP BY 1, 2, 3
  ) gone WHERE (gallery_facet.project_id, gallery_facet.kind, gallery_facet.value) = (gone.project_id, gone.kind, gone.value);
  RETURN NULL;
END $$

CREATE TRIGGER gallery_facets_out AFTER DELETE ON gallery_hanging REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION gallery_facets_out()

CREATE OR REPLACE FUNCTION gallery_facets_anew() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO gallery_facet(project_id, kind, value, clips)
  SELECT project_id, kind, value, sum(one) FROM (
    SELECT f.column1 AS project_id, f.column2 AS kind, f.column3 AS value, 1 AS one FROM added, LATERAL (VALUES {{facets of added}}) f
    UNION ALL SELECT f.column1, f.column2, f.column3, -1 FROM removed, LATERAL (VALUES {{facets of removed}}) f
  ) moved GROUP BY 1, 2, 3 HAVING sum(one) <> 0 OR kind = 'all' ORDER BY 1, 2, 3
  ON CONFLICT (project_id, kind, value) DO UPDATE SET clips = gallery_facet.clips + excluded.clips;
  RETURN NULL;
END $$

CREATE TRIGGER gallery_facets_anew AFTER UPDATE ON gallery_hanging
REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION gallery_facets_anew()

-- a clip is here: saved, and not in the trash; or it was
CREATE OR REPLACE FUNCTION gallery_hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO gallery_hanging({{columns}})
  SELECT {{place among}}, {{values}} {{from added}} WHERE {{here c}};
  RETURN NULL;
END $$

CREATE TRIGGER gallery_hang AFTER INSERT ON jobs_clip REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION gallery_hang()

CREATE OR REPLACE FUNCTION gallery_hang_anew() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF {{gone OLD}} AND {{here NEW}} THEN
    INSERT INTO gallery_hanging({{columns}}) SELECT {{place after}}, {{values}} {{from}} WHERE c.id = NEW.id;
  ELSIF {{gone NEW}} THEN
    DELETE FROM gallery_hanging WHERE clip_id = NEW.id;
  ELSIF OLD.saved_at <> NEW.saved_at THEN
    UPDATE gallery_hanging SET place = (SELECT {{place after}} FROM jobs_clip c WHERE c.id = NEW.id) WHERE clip_id = NEW.id;
  END IF;
  IF (OLD.width, OLD.height, OLD.milliseconds) IS DISTINCT FROM (NEW.width, NEW.height, NEW.milliseconds) THEN
    UPDATE gallery_hanging SET (ratio, length) = (SELECT {{ratio}}, {{length}} FROM jobs_clip c WHERE c.id = NEW.id) WHERE clip_id = NEW.id;
  END IF;
  RETURN NULL;
END $$

CREATE TRIGGER gallery_hang_anew AFTER UPDATE ON jobs_clip FOR EACH ROW
WHEN ((OLD.saved_at, OLD.trashed_at, OLD.width, OLD.height, OLD.milliseconds)
  IS DISTINCT FROM (NEW.saved_at, NEW.trashed_at, NEW.width, NEW.height, NEW.milliseconds))
EXECUTE FUNCTION gallery_hang_anew()

-- what its job says
CREATE OR REPLACE FUNCTION gallery_describe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE gallery_hanging SET (author_id, version_id, model, cost, text)
    = (SELECT j.author_id, j.prompt_version_id, j.model, coalesce(j.charged, 0), {{text}} FROM jobs_job j JOIN projects_project p ON p.id = j.project_id WHERE j.id = NEW.id)
  WHERE clip_id IN (SELECT id FROM jobs_clip WHERE job_id = NEW.id);
  RETURN NULL;
END $$

CREATE TRIGGER gallery_describe AFTER UPDATE ON jobs_job FOR EACH ROW
WHEN ((OLD.author_id, OLD.prompt_version_id, OLD.model, OLD.charged, OLD.prompt)
  IS DISTINCT FROM (NEW.author_id, NEW.prompt_version_id, NEW.model, NEW.charged, NEW.prompt))
EXECUTE FUNCTION gallery_describe()

-- what its project decided
CREATE OR REPLACE FUNCTION gallery_decide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE gallery_hanging SET (verdict, picked) = (SELECT d.verdict, {{picked}} FROM gallery_projectdecision d WHERE d.clip_id = NEW.clip_id) WHERE clip_id = NEW.clip_id;
  RETURN NULL;
END $$

CREATE TRIGGER gallery_decide AFTER INSERT OR UPDATE ON gallery_projectdecision FOR EACH ROW EXECUTE FUNCTION gallery_decide()

CREATE OR REPLACE FUNCTION gallery_undecide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE gallery_hanging SET verdict = '', picked = NULL WHERE clip_id = OLD.clip_id;
  RETURN NULL;
END $$

CREATE TRIGGER gallery_undecide AFTER DELETE ON gallery_projectdecision FOR EACH ROW EXECUTE FUNCTION gallery_undecide()

-- what hangs otherwise than the truth says, or should not, is taken down and hung up anew
DELETE FROM gallery_hanging WHERE clip_id IN (SELECT clip_id FROM (
  SELECT place / 1000 AS micros, {{columns but place}} FROM gallery_hanging
  EXCEPT SELECT {{micros of saved_at}}, {{values}} {{from}} WHERE {{here c}}
) wrong)

INSERT INTO gallery_hanging({{columns}})
SELECT {{place among}}, {{values}} {{from}}
WHERE {{here c}} AND NOT EXISTS (SELECT 1 FROM gallery_hanging hung WHERE hung.clip_id = c.id)
