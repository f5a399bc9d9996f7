-- Statements are separated by an empty line; triggers.py fills in what stands in double braces, and runs them after every migration.
CREATE VIRTUAL TABLE IF NOT EXISTS gallery_words USING fts5(scope, words, content='', detail='none', prefix='1 2 3 4 5 6', tokenize='ascii')

-- the words of each clip, as text_search takes them apart (its rules: {{rules}}), with its project as a word that nobody can ask for: it begins with U+E000
CREATE TRIGGER gallery_words_in AFTER INSERT ON gallery_hanging BEGIN
  INSERT INTO gallery_words(rowid, scope, words) VALUES (NEW.place, char(57344) || NEW.project_id, studio_words(NEW.text || ' ' || NEW.said));
END

CREATE TRIGGER gallery_words_out AFTER DELETE ON gallery_hanging BEGIN
  INSERT INTO gallery_words(gallery_words, rowid, scope, words) VALUES ('delete', OLD.place, char(57344) || OLD.project_id, studio_words(OLD.text || ' ' || OLD.said));
END

CREATE TRIGGER gallery_words_anew AFTER UPDATE ON gallery_hanging
WHEN (OLD.place, OLD.project_id, OLD.text, OLD.said) IS NOT (NEW.place, NEW.project_id, NEW.text, NEW.said) BEGIN
  INSERT INTO gallery_words(gallery_words, rowid, scope, words) VALUES ('delete', OLD.place, char(57344) || OLD.project_id, studio_words(OLD.text || ' ' || OLD.said));
  INSERT INTO gallery_words(rowid, scope, words) VALUES (NEW.place, char(57344) || NEW.project_id, studio_words(NEW.text || ' ' || NEW.said));
END

CREATE TRIGGER gallery_facets_in AFTER INSERT ON gallery_hanging BEGIN
  INSERT INTO gallery_facet(project_id, kind, value, clips)
  VALUES {{ones of NEW}}
  ON CONFLICT (project_id, kind, value) DO UPDATE SET clips = clips + 1;
END

CREATE TRIGGER gallery_facets_out AFTER DELETE ON gallery_hanging BEGIN
  UPDATE gallery_facet SET clips = clips - 1 WHERE (project_id, kind, value) IN (VALUES {{facets of OLD}});
END

-- nothing is counted anew for a project whose counts are gone, as while everything is deleted table by table
CREATE TRIGGER gallery_facets_anew AFTER UPDATE ON gallery_hanging
WHEN ({{facet columns of OLD}}) IS NOT ({{facet columns of NEW}}) BEGIN
  UPDATE gallery_facet SET clips = clips - 1 WHERE (project_id, kind, value) IN (VALUES {{facets of OLD}});
  INSERT INTO gallery_facet(project_id, kind, value, clips)
  SELECT * FROM (VALUES {{ones of NEW}}) WHERE EXISTS (SELECT 1 FROM gallery_facet WHERE project_id = NEW.project_id AND kind = 'all')
  ON CONFLICT (project_id, kind, value) DO UPDATE SET clips = clips + 1;
END

-- a clip is here: saved, and not in the trash; or it was
CREATE TRIGGER gallery_hang AFTER INSERT ON jobs_clip WHEN {{here NEW}} BEGIN
  INSERT INTO gallery_hanging({{columns}})
  SELECT {{place after}}, {{values}} {{from}} WHERE c.id = NEW.id;
END

CREATE TRIGGER gallery_hang_later AFTER UPDATE ON jobs_clip WHEN {{gone OLD}} AND {{here NEW}} BEGIN
  INSERT INTO gallery_hanging({{columns}})
  SELECT {{place after}}, {{values}} {{from}} WHERE c.id = NEW.id;
END

CREATE TRIGGER gallery_take_down AFTER UPDATE ON jobs_clip WHEN {{gone NEW}} BEGIN
  DELETE FROM gallery_hanging WHERE clip_id = NEW.id;
END

CREATE TRIGGER gallery_move AFTER UPDATE ON jobs_clip WHEN OLD.saved_at <> NEW.saved_at AND {{here NEW}} BEGIN
  UPDATE gallery_hanging SET place = (SELECT {{place after}} FROM jobs_clip c WHERE c.id = NEW.id) WHERE clip_id = NEW.id;
END

CREATE TRIGGER gallery_measure AFTER UPDATE ON jobs_clip
WHEN {{here NEW}} AND (OLD.width, OLD.height, OLD.milliseconds) IS NOT (NEW.width, NEW.height, NEW.milliseconds) BEGIN
  UPDATE gallery_hanging SET (ratio, length) = (SELECT {{ratio}}, {{length}} FROM jobs_clip c WHERE c.id = NEW.id) WHERE clip_id = NEW.id;
END

-- what its job says
CREATE TRIGGER gallery_describe AFTER UPDATE ON jobs_job
WHEN (OLD.author_id, OLD.prompt_version_id, OLD.model, OLD.charged, OLD.prompt) IS NOT (NEW.author_id, NEW.prompt_version_id, NEW.model, NEW.charged, NEW.prompt) BEGIN
  UPDATE gallery_hanging SET (author_id, version_id, model, cost, text)
    = (SELECT j.author_id, j.prompt_version_id, j.model, coalesce(j.charged, 0), {{text}} FROM jobs_job j JOIN projects_project p ON p.id = j.project_id WHERE j.id = NEW.id)
  WHERE clip_id IN (SELECT id FROM jobs_clip WHERE job_id = NEW.id);
END

-- what its project decided
CREATE TRIGGER gallery_decide AFTER INSERT ON gallery_projectdecision BEGIN
  UPDATE gallery_hanging SET (verdict, picked) = (SELECT d.verdict, {{picked}} FROM gallery_projectdecision d WHERE d.clip_id = NEW.clip_id) WHERE clip_id = NEW.clip_id;
END

CREATE TRIGGER gallery_decide_anew AFTER UPDATE ON gallery_projectdecision BEGIN
  UPDATE gallery_hanging SET (verdict, picked) = (SELECT d.verdict, {{picked}} FROM gallery_projectdecision d WHERE d.clip_id = NEW.clip_id) WHERE clip_id = NEW.clip_id;
END

CREATE TRIGGER gallery_undecide AFTER DELETE ON gallery_projectdecision BEGIN
  UPDATE gallery_hanging SET verdict = '', picked = NULL WHERE clip_id = OLD.clip_id;
END

-- what hangs otherwise than the truth says, or should not, is taken down and hung up anew
DELETE FROM gallery_hanging WHERE clip_id IN (SELECT clip_id FROM (
  SELECT place / 1000 AS micros, {{columns but place}} FROM gallery_hanging
  EXCEPT SELECT {{micros of saved_at}}, {{values}} {{from}} WHERE {{here c}}
) wrong)

INSERT INTO gallery_hanging({{columns}})
SELECT {{place among}}, {{values}} {{from}}
WHERE {{here c}} AND NOT EXISTS (SELECT 1 FROM gallery_hanging hung WHERE hung.clip_id = c.id)
